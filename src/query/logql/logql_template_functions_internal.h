/* logql_template_functions_internal.h - what the files of template functions share: arguments as
 * what is wanted of them, results, and a table per file.
 */
#ifndef QUERY_LOGQL_LOGQL_TEMPLATE_FUNCTIONS_INTERNAL_H
#define QUERY_LOGQL_LOGQL_TEMPLATE_FUNCTIONS_INTERNAL_H

#include "query/logql/logql_template_internal.h"

enum { TEMPLATE_MADE_MAX = 1 << 20 /* bytes of one result */ };
#define TEMPLATE_ERROR STR("TemplateFormatErr")

typedef struct TemplateTable {
    const TemplateFunction *functions;
    size_t count;
} TemplateTable;

extern const TemplateTable template_texts, template_numbers, template_printf;
extern const TemplateTable template_regexes; /* whose first argument is an expression */

/* What is none counts as 0. */
double template_float(const TemplateValue *value);
int64_t template_int(const TemplateValue *value);
size_t template_letters(Str text); /* of UTF-8 */
Str template_text_at(LogqlRow *row, const TemplateCall *call, size_t i);

/* The text moves into the scratch of the line. False: the line is marked, or row->failed. */
bool template_give(LogqlRow *row, Buf *text, TemplateValue *out);
/* Always true. */
bool template_give_text(Str text, TemplateValue *out);
bool template_give_int(int64_t integer, TemplateValue *out);
bool template_give_float(double real, TemplateValue *out);

#endif
