// The kernel's V4L2 interface and libv4l as Swift sees them: their own headers, and inline functions for the requests
// and pixel formats, which are macros.
#ifndef CV4L2_SHIM_H
#define CV4L2_SHIM_H

#include <libv4l2.h>
#include <libv4lconvert.h>
#include <linux/videodev2.h>
#include <sys/ioctl.h>

#endif
