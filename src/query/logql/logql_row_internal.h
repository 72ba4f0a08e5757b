/* logql_row_internal.h - one log line on its way through a pipeline.
 *
 * Its labels come from three places. A name belongs to the first of stream, metadata and parsed
 * that has it; what loses its name is found under name_extracted, where a parsed value wins over
 * one from metadata. __error__ and __error_details__ are set by stages that fail: the line goes on.
 */
#ifndef QUERY_LOGQL_LOGQL_ROW_INTERNAL_H
#define QUERY_LOGQL_LOGQL_ROW_INTERNAL_H

#include "query/logql/logql_tree_internal.h"

enum {
    ROW_LABELS_MAX = 512,   /* of one line; beyond it the parsing stage fails */
    ROW_TEXT_MAX = 16 << 20 /* made while one line goes through */
};

typedef enum LabelFrom { FROM_STREAM, FROM_METADATA, FROM_PARSED } LabelFrom;

typedef struct RowLabel {
    Str name, value;
    LabelFrom from;
} RowLabel;

typedef struct LogqlRow {
    int64_t time_ns;
    Str line;
    Str error, error_details;
    Arena *scratch; /* texts of this line; ends with the next row_load() */
    RowLabel *labels;
    size_t count;
    bool failed; /* sticky; memory or a bound */
    Err err;
} LogqlRow;

CHECKED bool row_init(LogqlRow *row, Arena *arena, Err *err); /* arena: for the table of labels */
void row_done(LogqlRow *row);

void row_load(LogqlRow *row, const LogRow *from);
Str row_get(const LogqlRow *row, Str name, bool *found); /* the two of errors too */
void row_parsed(LogqlRow *row, Str name, Str value);     /* a parser found it; copies nothing */
void row_set(LogqlRow *row, Str name, Str value);        /* overwrites wherever it came from */
void row_remove(LogqlRow *row, Str name);
/* Marks the line; the first mark stays. */
void row_mark(LogqlRow *row, Str error, const char *details, ...) PRINTF(3, 4);
CHECKED bool row_copy(LogqlRow *row, Str text, Str *out); /* into the scratch */
Str row_label_name(LogqlRow *row, Str prefix, Str name);  /* prefix_name, letters made fit */

typedef enum RowFate { ROW_KEPT, ROW_DROPPED, ROW_FAILED } RowFate;
RowFate row_run(LogqlRow *row, const LogqlStage *stages);

/* logql_extract.c */
void extract_json(LogqlRow *row, const LogqlStage *stage);
void extract_logfmt(LogqlRow *row, const LogqlStage *stage);
void extract_regexp(LogqlRow *row, const LogqlStage *stage);
void extract_pattern(LogqlRow *row, const LogqlStage *stage);
void extract_unpack(LogqlRow *row);

/* The value that unwrap gives. ROW_DROPPED: the line has no such label. */
RowFate row_unwrap(LogqlRow *row, const LogqlLog *log, double *out);

#endif
