/* value_internal.h - one value: its text, its C form, and what a message calls it. */
#ifndef CONFIG_VALUE_INTERNAL_H
#define CONFIG_VALUE_INTERNAL_H

#include "config/field.h"

typedef union ConfigValue {
    bool flag;
    uint64_t count;
    int64_t whole;
    double number;
    Str text;
    int choice;
} ConfigValue;

/* False: the text is no value of the type. Texts are not copied. `field` brings the choices. */
CHECKED bool value_parse(const ConfigField *field, ConfigType type, Str text, ConfigValue *out);

/* False: out of the row's bounds. */
CHECKED bool value_in_range(const ConfigField *field, ConfigType type, ConfigValue value);

/* What the user gave for the row, under its name or else an older one; NULL: nothing. */
const NodePair *field_pair(const ConfigField *field, const Node *map);

size_t value_size(ConfigType type);

bool type_is_scalar(ConfigType type);
bool type_is_text(ConfigType type); /* takes any scalar as it is written */

/* "a duration such as 200ms, 5s or 1h30m", "one of basic, normal, detailed" */
void type_write(const ConfigField *field, ConfigType type, Buf *out);
void range_write(const ConfigField *field, Buf *out); /* "between 1s and 1h", "at least 1" */

#endif
