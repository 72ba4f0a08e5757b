/* promql_lexer.h - a query's text as a list of tokens. */
#ifndef QUERY_PROMQL_PROMQL_LEXER_H
#define QUERY_PROMQL_PROMQL_LEXER_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"

typedef enum TokenKind {
    TOKEN_END,
    TOKEN_NAME,     /* also every keyword: which one it is depends on where it stands */
    TOKEN_NUMBER,   /* with its value */
    TOKEN_DURATION, /* likewise, in seconds */
    TOKEN_TEXT,     /* unescaped */
    TOKEN_ADD,
    TOKEN_SUB,
    TOKEN_MUL,
    TOKEN_DIV,
    TOKEN_MOD,
    TOKEN_POW,
    TOKEN_EQ,
    TOKEN_NE,
    TOKEN_LT,
    TOKEN_LE,
    TOKEN_GT,
    TOKEN_GE,
    TOKEN_TRIM_UPPER, /* </ */
    TOKEN_TRIM_LOWER, /* >/ */
    TOKEN_ASSIGN,
    TOKEN_MATCH,
    TOKEN_NO_MATCH,
    TOKEN_COMMA,
    TOKEN_OPEN_PAREN,
    TOKEN_CLOSE_PAREN,
    TOKEN_OPEN_BRACE,
    TOKEN_CLOSE_BRACE,
    TOKEN_OPEN_BRACKET,
    TOKEN_CLOSE_BRACKET,
    TOKEN_COLON,
    TOKEN_AT,
} TokenKind;

typedef struct Token {
    TokenKind kind;
    uint32_t at, end; /* offsets into the text */
    double number;
    Str text; /* as written; of TOKEN_TEXT what it means */
} Token;

typedef struct TokenList {
    Str source;
    Token *tokens; /* the last one is TOKEN_END */
    size_t count;
} TokenList;

CHECKED bool promql_lex(Str text, Arena *arena, TokenList *out, Err *err);

/* "line:column: parse error: " and the sentence. False. */
bool promql_fail_at(Str text, size_t at, Err *err, const char *format, ...) PRINTF(4, 5);

/* A line and a column, both from 1, columns in bytes. */
typedef struct TextPlace {
    size_t line, column;
} TextPlace;
TextPlace promql_place(Str text, size_t at);

#endif
