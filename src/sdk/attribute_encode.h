/* attribute_encode.h - a public attribute as an OTLP KeyValue. */
#ifndef SDK_ATTRIBUTE_ENCODE_H
#define SDK_ATTRIBUTE_ENCODE_H

#include "base/buf.h"
#include "sdk/text.h"

#include <cryostorm/value.h>

/* Texts that are not UTF-8 are repaired with the scratch, which has failed where there was no
 * memory for that; without one (NULL) they must be UTF-8. Maps and arrays nest as deep as they
 * come. */
void attribute_encode(Buf *out, uint32_t number, const CryoAttr *attribute, TextScratch *scratch);

#endif
