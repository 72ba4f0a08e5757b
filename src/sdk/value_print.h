/* value_print.h - attribute values as JSON, for people to read. */
#ifndef SDK_VALUE_PRINT_H
#define SDK_VALUE_PRINT_H

#include "codec/json.h"

#include <cryostorm/value.h>

void value_print(JsonWriter *json, const CryoValue *value); /* bytes as base64 */

#endif
