/* registry.c - every component of this program; the list is registry.def. */
#include "cmd/registry.h"

#define COMPONENT(symbol) extern const ComponentType symbol;
#include "cmd/registry.def"
#undef COMPONENT

#define COMPONENT(symbol) &symbol,
const ComponentType *const registry[] = {
#include "cmd/registry.def"
    NULL
};
#undef COMPONENT
