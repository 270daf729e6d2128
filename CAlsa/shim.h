// libasound as Swift sees it: the library's own header, and inline functions for what is a macro, variadic, or may be
// called from real-time code (marked with the `@_noLocks` attribute that the compiler checks).
#ifndef CALSA_SHIM_H
#define CALSA_SHIM_H

#include <alsa/asoundlib.h>

#endif
