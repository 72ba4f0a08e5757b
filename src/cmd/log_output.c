/* log_output.c - the program's own log lines; see log_output.h. */
#include "cmd/log_output.h"

#include "base/clock.h"
#include "codec/json.h"
#include "pipe/component.h"

#include <stdio.h>

enum { LINE_BYTES = 16 << 10, SECONDS_WITH_MILLIS = 23 };

static bool is_kind(Str word)
{
    for (int i = 0; i < COMPONENT_KIND_COUNT; i++)
        if (str_eq(word, str_from(component_kind_name((ComponentKind)i))))
            return true;
    return false;
}

/* "receiver otlp" is a component of a pipeline, "service" is a part of the program. */
static void write_component(JsonWriter *json, Str component)
{
    Str id = component, kind = { 0 };
    if (str_split(&id, ' ', &kind) && id.len && is_kind(kind)) {
        json_key(json, STR("otelcol.component.id")), json_text(json, id);
        json_key(json, STR("otelcol.component.kind")), json_text(json, kind);
        return;
    }
    json_key(json, STR("component")), json_text(json, component);
}

void log_line_json(Buf *out, int64_t wall_ns, LogLevel level, Str component, Str message)
{
    char whole[TIME_TEXT_SIZE], at[TIME_TEXT_SIZE + 1];
    int len = snprintf(at, sizeof at, "%.*sZ", SECONDS_WITH_MILLIS, time_text(wall_ns, whole));
    JsonWriter json = json_writer(out);
    json_object(&json);
    json_key(&json, STR("level")), json_text(&json, str_from(log_level_name(level)));
    json_key(&json, STR("ts")), json_text(&json, (Str){ at, (size_t)len });
    write_component(&json, component);
    json_key(&json, STR("msg")), json_text(&json, message);
    json_end(&json);
    buf_add(out, STR("\n"));
}

static void write_json(void *context, LogLevel level, Str component, Str message)
{
    (void)context;
    Buf line = BUF(LINE_BYTES);
    log_line_json(&line, clock_wall_ns(clock_system()), level, component, message);
    fwrite(line.ptr, 1, line.len, stderr);
    buf_free(&line);
}

void log_output_set(const LogRules *rules)
{
    static bool is_json; /* a reload may go back to text */
    log_set_sampling(rules->sampling);
    if (rules->json)
        log_set_sink(&(LogSink){ .write = write_json, .level = rules->level });
    else if (is_json)
        log_set_sink(NULL);
    is_json = rules->json;
    log_set_level(rules->level);
}
