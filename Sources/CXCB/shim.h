#ifndef CXCB_SHIM_H
#define CXCB_SHIM_H

#include <xcb/damage.h>
#include <xcb/randr.h>
#include <xcb/shm.h>
#include <xcb/xcb.h>
#include <xcb/xfixes.h>

#endif
