/* registry.h - the components that are linked into this program, NULL at the end. */
#ifndef CMD_REGISTRY_H
#define CMD_REGISTRY_H

#include "pipe/component.h"

extern const ComponentType *const registry[];

#endif
