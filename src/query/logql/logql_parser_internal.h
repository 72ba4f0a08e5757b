/* logql_parser_internal.h - what logql_parse.c and logql_parse_log.c share: one word of look-ahead
 * and an Err. Failure is sticky by way of returning false or NULL. */
#ifndef QUERY_LOGQL_LOGQL_PARSER_INTERNAL_H
#define QUERY_LOGQL_LOGQL_PARSER_INTERNAL_H

#include "query/logql/logql_lexer_internal.h"
#include "query/logql/logql_tree_internal.h"

enum {
    CONDITIONS_MAX = 256, /* of one query; they hang below one another, and are walked so */
    REGEXES_MAX = 256,    /* of one query; each may take megabytes */
};

typedef struct Parser {
    Lexer lexer;
    LexToken token; /* the next word, not taken yet */
    LogqlQuery *query;
    unsigned depth, conditions, regexes;
    Err *err;
} Parser;

#define PARSER_NEW(parser, T) ARENA_MAKE((parser)->query->arena, T, 1, (parser)->err)

CHECKED bool parser_step(Parser *parser); /* on to the next word */
bool parser_is_sign(const Parser *parser, Str sign);
bool parser_is_word(const Parser *parser, Str word);
/* Takes it when it is next; *taken says. False: the lexer failed behind it. */
CHECKED bool parser_accept(Parser *parser, Str sign, bool *taken);
CHECKED bool parser_expect(Parser *parser, Str sign);
/* "syntax error: unexpected X, expecting Y"; Y may be NULL. Always false. */
bool parser_unexpected(Parser *parser, const char *expecting);
CHECKED bool parser_word(Parser *parser, Str *out); /* an identifier */
CHECKED bool parser_text(Parser *parser, Str *out); /* a string */
CHECKED Regex *parser_regex(Parser *parser, Str pattern, RegexMode mode, size_t at);

CHECKED LogqlLog *parse_log(Parser *parser); /* selector and pipeline */
CHECKED bool parse_stages(Parser *parser, LogqlLog *log);
CHECKED bool parse_selector(Parser *parser, LogqlLog *log);

#endif
