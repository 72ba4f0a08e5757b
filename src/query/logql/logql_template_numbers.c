/* logql_template_numbers.c - what templates can do with numbers. */
#include "query/logql/logql_template_functions_internal.h"

#include "query/logql/logql_lexer_internal.h"

#include "base/clock.h"

#include <math.h>

/* ---- numbers ------------------------------------------------------------------------------------
 */

static bool call_add(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    uint64_t sum = 0;
    (void)row;
    for (size_t i = 0; i < call->count; i++)
        sum += (uint64_t)template_int(&call->values[i]);
    return template_give_int((int64_t)sum, out);
}
static bool call_sub(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return template_give_int((int64_t)((uint64_t)template_int(&call->values[0]) -
                                       (uint64_t)template_int(&call->values[1])),
                             out);
}
static bool call_mul(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    uint64_t product = 1;
    (void)row;
    for (size_t i = 0; i < call->count; i++)
        product *= (uint64_t)template_int(&call->values[i]);
    return template_give_int((int64_t)product, out);
}
static bool divide(LogqlRow *row, const TemplateCall *call, bool rest, TemplateValue *out)
{
    int64_t left = template_int(&call->values[0]), right = template_int(&call->values[1]);
    if (right == 0 || (left == INT64_MIN && right == -1)) {
        row_mark(row, TEMPLATE_ERROR, "integer divide by zero");
        return false;
    }
    return template_give_int(rest ? left % right : left / right, out);
}
static bool call_div(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return divide(row, call, false, out);
}
static bool call_mod(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    return divide(row, call, true, out);
}

static double addf(double a, double b)
{
    return a + b;
}
static double subf(double a, double b)
{
    return a - b;
}
static double mulf(double a, double b)
{
    return a * b;
}
static double divf(double a, double b)
{
    return a / b;
}
static bool fold_floats(const TemplateCall *call, double (*step)(double a, double b),
                        TemplateValue *out)
{
    double value = template_float(&call->values[0]);
    for (size_t i = 1; i < call->count; i++)
        value = step(value, template_float(&call->values[i]));
    return template_give_float(value, out);
}
static bool call_addf(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return fold_floats(call, addf, out);
}
static bool call_subf(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return fold_floats(call, subf, out);
}
static bool call_mulf(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return fold_floats(call, mulf, out);
}
static bool call_divf(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return fold_floats(call, divf, out);
}
static bool call_minf(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return fold_floats(call, fmin, out);
}
static bool call_maxf(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return fold_floats(call, fmax, out);
}
static bool extreme(const TemplateCall *call, bool largest, TemplateValue *out)
{
    int64_t value = template_int(&call->values[0]);
    for (size_t i = 1; i < call->count; i++) {
        int64_t next = template_int(&call->values[i]);
        value = (next > value) == largest ? next : value;
    }
    return template_give_int(value, out);
}
static bool call_min(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return extreme(call, false, out);
}
static bool call_max(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return extreme(call, true, out);
}
static bool call_ceil(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return template_give_float(ceil(template_float(&call->values[0])), out);
}
static bool call_floor(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return template_give_float(floor(template_float(&call->values[0])), out);
}
static bool call_round(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    int64_t digits = call->count > 1 ? template_int(&call->values[1]) : 0;
    double unit = pow(10, (double)(digits < 0 ? 0 : digits > 18 ? 18 : digits));
    return template_give_float(round(template_float(&call->values[0]) * unit) / unit, out);
}
static bool call_int(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return template_give_int(template_int(&call->values[0]), out);
}
static bool call_float64(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    (void)row;
    return template_give_float(template_float(&call->values[0]), out);
}
static bool call_bytes(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    double bytes;
    Str text = template_text_at(row, call, 0);
    if (logql_bytes(text, &bytes))
        return template_give_float(bytes, out);
    row_mark(row, TEMPLATE_ERROR, "'%.*s' is no size", STR_ARG(str_first(text, 60)));
    return false;
}
static bool call_duration(LogqlRow *row, const TemplateCall *call, TemplateValue *out)
{
    int64_t nanos;
    Str text = template_text_at(row, call, 0);
    if (duration_parse(text, &nanos))
        return template_give_float((double)nanos / (double)NANOS_PER_SECOND, out);
    row_mark(row, TEMPLATE_ERROR, "'%.*s' is no duration", STR_ARG(str_first(text, 60)));
    return false;
}

/* ---- the table ----------------------------------------------------------------------------------
 */

static const TemplateFunction functions[] = {
    { STR_ROW("add"), 1, TEMPLATE_ARGUMENTS_MAX, call_add },
    { STR_ROW("sub"), 2, 2, call_sub },
    { STR_ROW("mul"), 1, TEMPLATE_ARGUMENTS_MAX, call_mul },
    { STR_ROW("div"), 2, 2, call_div },
    { STR_ROW("mod"), 2, 2, call_mod },
    { STR_ROW("addf"), 1, TEMPLATE_ARGUMENTS_MAX, call_addf },
    { STR_ROW("subf"), 1, TEMPLATE_ARGUMENTS_MAX, call_subf },
    { STR_ROW("mulf"), 1, TEMPLATE_ARGUMENTS_MAX, call_mulf },
    { STR_ROW("divf"), 1, TEMPLATE_ARGUMENTS_MAX, call_divf },
    { STR_ROW("min"), 1, TEMPLATE_ARGUMENTS_MAX, call_min },
    { STR_ROW("max"), 1, TEMPLATE_ARGUMENTS_MAX, call_max },
    { STR_ROW("minf"), 1, TEMPLATE_ARGUMENTS_MAX, call_minf },
    { STR_ROW("maxf"), 1, TEMPLATE_ARGUMENTS_MAX, call_maxf },
    { STR_ROW("ceil"), 1, 1, call_ceil },
    { STR_ROW("floor"), 1, 1, call_floor },
    { STR_ROW("round"), 1, 2, call_round },
    { STR_ROW("int"), 1, 1, call_int },
    { STR_ROW("float64"), 1, 1, call_float64 },
    { STR_ROW("bytes"), 1, 1, call_bytes },
    { STR_ROW("duration"), 1, 1, call_duration },
    { STR_ROW("duration_seconds"), 1, 1, call_duration },
};

const TemplateTable template_numbers = { functions, COUNT_OF(functions) };
