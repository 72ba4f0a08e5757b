/* logql.c - any bytes as a query, then run over a few lines: it is refused or it ends. */
#include "query/logql/logql.h"

#include <string.h>

#include <stdlib.h>

/* Three lines, and nothing else: whatever is asked. */
typedef struct Cursor {
    LogCursor base;
    bool done;
} Cursor;

static LogResult next(LogCursor *cursor, LogBlock *out, Err *err)
{
    static const Label stream[] = { { STR_ROW("app"), STR_ROW("a") },
                                    { STR_ROW("zone"), STR_ROW("5") } };
    static const Label metadata[] = { { STR_ROW("app"), STR_ROW("m") },
                                      { STR_ROW("took"), STR_ROW("1.5s") } };
    static const LogRow rows[] = {
        { .time_ns = 1, .stream = { stream, 2 }, .line = STR_ROW("v=1 w=\"a \\\"b\" 10.0.0.1 x=") },
        { .time_ns = 2,
          .stream = { stream, 2 },
          .metadata = { metadata, 2 },
          .line = STR_ROW("{\"v\":2,\"w\":{\"x\":[1,{\"y\":null}]},\"_entry\":\"e\"}") },
        { .time_ns = 3, .stream = { stream, 1 } },
    };
    (void)err;
    bool done = ((Cursor *)cursor)->done;
    ((Cursor *)cursor)->done = true;
    *out = (LogBlock){ rows, 3 };
    return done ? LOG_END : LOG_BLOCK;
}

static void close_cursor(LogCursor *cursor)
{
    free(cursor);
}

static LogCursor *scan(LogSource *source, const LogScan *query, Err *err)
{
    (void)source, (void)query, (void)err;
    Cursor *cursor = calloc(1, sizeof *cursor);
    if (!cursor)
        abort();
    cursor->base = (LogCursor){ next, close_cursor };
    return &cursor->base;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Err err;
    LogqlResult result;
    LogSource source = { .scan = scan };
    LogqlQuery *query = logql_parse((Str){ (const char *)data, size }, &err);
    for (int64_t step = 0; query && step < 3; step++) {
        const LogqlAsk ask = {
            .source = &source, .clock = clock_system(), .from_ns = 0, .to_ns = 4, .step_ns = step
        };
        if (logql_run(query, &ask, &result, &err))
            logql_result_done(&result);
    }
    logql_free(query);
    return 0;
}
