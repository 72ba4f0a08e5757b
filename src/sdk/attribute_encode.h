/* attribute_encode.h - a public attribute as an OTLP KeyValue; its texts must be UTF-8. */
#ifndef SDK_ATTRIBUTE_ENCODE_H
#define SDK_ATTRIBUTE_ENCODE_H

#include "base/buf.h"

#include <cryostorm/value.h>

void attribute_encode(Buf *out, uint32_t number, const CryoAttr *attribute);

#endif
