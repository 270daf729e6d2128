// SDL 2: a window that shows pictures. Loaded when a window is wanted, not linked: it brings some forty libraries along,
// and their memory, which a call without a window has no use for.
#ifndef CSDL_SHIM_H
#define CSDL_SHIM_H

#include <SDL2/SDL.h>
#include <dlfcn.h>
#include <stddef.h>

#define CSDL_FUNCTIONS(X) \
    X(Init) X(Quit) X(GetError) X(SetHint) X(CreateWindow) X(DestroyWindow) X(CreateRenderer) X(DestroyRenderer) \
    X(CreateTexture) X(DestroyTexture) X(UpdateYUVTexture) X(SetRenderDrawColor) X(RenderClear) X(RenderCopy) \
    X(RenderPresent) X(GetRendererOutputSize) X(WaitEventTimeout) X(PollEvent)

/// What is used of SDL, by the names of its functions without their prefix.
struct csdl_functions {
#define X(name) __typeof__(&SDL_##name) name;
    CSDL_FUNCTIONS(X)
#undef X
};

/// Loads the library. Returns what is missing, or NULL.
static inline const char *csdl_load(struct csdl_functions *functions) {
    void *library = dlopen("libSDL2-2.0.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library) return "libSDL2-2.0.so.0";
#define X(name) \
    functions->name = (__typeof__(&SDL_##name))dlsym(library, "SDL_" #name); \
    if (!functions->name) return "SDL_" #name;
    CSDL_FUNCTIONS(X)
#undef X
    return NULL;
}

#endif
