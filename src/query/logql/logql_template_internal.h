/* logql_template_internal.h - the templates of line_format and label_format: Go's text/template as
 * far as logs need it.
 *
 *     {{.label}}  {{ .label | upper }}  {{ printf "%5.1f" .x }}  {{- if eq .a "b" -}} .. {{ else }}
 *
 * Texts, pipelines, calls with constants, labels and parentheses, if / else if / else / end,
 * trimmed ends, comments. Every template is parsed with its query; what it has not (range, with,
 * variables) and functions that nobody has are errors then. A call that fails while a line goes
 * through marks that line TemplateFormatErr.
 */
#ifndef QUERY_LOGQL_LOGQL_TEMPLATE_INTERNAL_H
#define QUERY_LOGQL_LOGQL_TEMPLATE_INTERNAL_H

#include "query/logql/logql_row_internal.h"

enum { TEMPLATE_DEPTH_MAX = 20, TEMPLATE_ARGUMENTS_MAX = 16 };

typedef enum TemplateKind { T_TEXT, T_INT, T_FLOAT, T_BOOL, T_TIME /* integer: ns */ } TemplateKind;

typedef struct TemplateValue {
    TemplateKind kind;
    Str text;
    int64_t integer;
    double real;
    bool boolean;
} TemplateValue;

typedef struct TemplateCall TemplateCall;
typedef struct TemplateFunction {
    Str name;
    size_t least, most; /* arguments */
    /* False: the line is marked. */
    bool (*call)(LogqlRow *row, const TemplateCall *call, TemplateValue *out);
} TemplateFunction;

/* Arguments of a call, evaluated. */
struct TemplateCall {
    const TemplateFunction *function;
    const TemplateValue *values;
    size_t count;
    const Regex *regex; /* of a function whose first argument is one */
};

typedef enum TermKind { TERM_CONSTANT, TERM_LABEL, TERM_CALL } TermKind;

typedef struct TemplateTerm {
    TermKind kind;
    TemplateValue constant;
    Str label;
    const TemplateFunction *function;
    const Regex *regex;
    struct TemplateTerm *arguments[TEMPLATE_ARGUMENTS_MAX];
    size_t count;
} TemplateTerm;

/* A list of pieces: text, a term to write, or a choice. */
typedef struct TemplatePiece {
    Str text;
    TemplateTerm *term; /* written, or of a choice the condition; NULL: text */
    bool is_choice;
    LogqlTemplate *yes, *no; /* of a choice; may be empty */
    struct TemplatePiece *next;
} TemplatePiece;

struct LogqlTemplate {
    TemplatePiece *pieces;
};

typedef struct TemplateMaker {
    Arena *arena;
    /* Compiles and keeps a regular expression. */
    Regex *(*regex)(void *context, Str pattern);
    void *context;
} TemplateMaker;

CHECKED LogqlTemplate *template_parse(const TemplateMaker *maker, Str text, Err *err);
/* Into the row's scratch. False: the line is marked, or row->failed. */
CHECKED bool template_run(LogqlRow *row, const LogqlTemplate *template, Str *out);

const TemplateFunction *template_function(Str name); /* NULL: nobody has it */
bool template_takes_regex(const TemplateFunction *function);

Str template_text(LogqlRow *row, const TemplateValue *value);
bool template_truth(const TemplateValue *value);

#endif
