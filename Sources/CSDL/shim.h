// SDL 2: a window that shows pictures.
#ifndef CSDL_SHIM_H
#define CSDL_SHIM_H

#include <SDL2/SDL.h>

#endif
