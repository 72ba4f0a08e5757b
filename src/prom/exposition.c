/* exposition.c - see exposition.h. */
#include "prom/exposition.h"

#include "codec/float_text.h"
#include "codec/json_number.h"

#include <inttypes.h>
#include <string.h>

/* ---- which format ---- */

static Str next_part(Str *rest, char separator)
{
    Str part = { NULL, 0 };
    (void)str_split(rest, separator, &part);
    return str_trim(part);
}

/* "q=0.5" among the parameters; 1 where there is none. Also whether a version is there that we do
 * not write. */
static double quality(Str parameters, bool *foreign)
{
    double q = 1;
    *foreign = false;
    while (parameters.ptr) {
        Str parameter = next_part(&parameters, ';');
        Str name = next_part(&parameter, '=');
        Str value = str_trim(parameter);
        if (str_eq_nocase(name, STR("q")) && (!json_number_double(value, &q) || q < 0))
            q = 0;
        else if (str_eq_nocase(name, STR("version")))
            *foreign = !str_eq(value, STR("1.0.0")) && !str_eq(value, STR("0.0.1"));
    }
    return q;
}

ExpositionFormat exposition_choose(Str accept)
{
    double text = 0, metrics = 0;
    while (accept.ptr) {
        bool foreign;
        Str parameters = next_part(&accept, ',');
        Str type = next_part(&parameters, ';');
        double q = quality(parameters, &foreign);
        bool is_metrics = str_eq_nocase(type, STR("application/openmetrics-text")) && !foreign;
        bool is_text = str_eq_nocase(type, STR("text/plain")) || str_eq(type, STR("text/*"));
        if (is_metrics && q > metrics)
            metrics = q;
        else if (is_text && q > text)
            text = q;
    }
    return metrics > 0 && metrics >= text ? EXPOSITION_OPENMETRICS : EXPOSITION_TEXT;
}

Str exposition_content_type(ExpositionFormat format)
{
    return format == EXPOSITION_OPENMETRICS
               ? STR("application/openmetrics-text; version=1.0.0; charset=utf-8")
               : STR("text/plain; version=0.0.4; charset=utf-8");
}

/* ---- text ---- */

static void add_escaped(Buf *out, Str text, bool quotes)
{
    while (text.len) {
        size_t plain = 0;
        while (plain < text.len && text.ptr[plain] != '\\' && text.ptr[plain] != '\n' &&
               !(quotes && text.ptr[plain] == '"'))
            plain++;
        buf_add(out, str_first(text, plain));
        text = str_skip(text, plain);
        if (!text.len)
            return;
        buf_add_byte(out, '\\');
        buf_add_byte(out, *text.ptr == '\n' ? 'n' : *text.ptr);
        text = str_skip(text, 1);
    }
}

void exposition_labels(Buf *out, Labels labels)
{
    bool first = true;
    for (size_t i = 0; i < labels.count; i++) {
        const Label *label = &labels.ptr[i];
        if (str_eq(label->name, STR(LABEL_METRIC_NAME)))
            continue;
        if (!first)
            buf_add_byte(out, ',');
        first = false;
        buf_add(out, label->name);
        buf_add(out, STR("=\""));
        add_escaped(out, label->value, true);
        buf_add_byte(out, '"');
    }
}

/* ---- families ---- */

static Str without_total(Str name)
{
    return str_first(name, name.len - strlen("_total"));
}

static const char *type_text(ExpositionFormat format, const ExpositionFamily *family)
{
    bool metrics = format == EXPOSITION_OPENMETRICS;
    if (family->type == METRIC_TYPE_UNKNOWN && !metrics)
        return "untyped";
    /* A counter of OpenMetrics ends in _total, whatever else it is called. */
    if (family->type == METRIC_TYPE_COUNTER && metrics && !str_ends(family->name, STR("_total")))
        return "unknown";
    return metric_type_name(family->type);
}

static bool ends_with_unit(Str name, Str unit)
{
    return unit.len && name.len > unit.len + 1 && str_ends(name, unit) &&
           name.ptr[name.len - unit.len - 1] == '_';
}

static void begin_comment(Buf *out, Str what, Str name)
{
    buf_add(out, STR("# "));
    buf_add(out, what);
    buf_add(out, name);
    buf_add_byte(out, ' ');
}

void exposition_family(Buf *out, ExpositionFormat format, const ExpositionFamily *family)
{
    bool metrics = format == EXPOSITION_OPENMETRICS;
    Str name = family->name;
    if (metrics && family->type == METRIC_TYPE_COUNTER && str_ends(name, STR("_total")))
        name = without_total(name);
    if (family->help.len) {
        begin_comment(out, STR("HELP "), name);
        add_escaped(out, family->help, metrics);
        buf_add_byte(out, '\n');
    }
    begin_comment(out, STR("TYPE "), name);
    buf_add(out, str_from(type_text(format, family)));
    buf_add_byte(out, '\n');
    if (metrics && ends_with_unit(name, family->unit)) {
        begin_comment(out, STR("UNIT "), name);
        buf_add(out, family->unit);
        buf_add_byte(out, '\n');
    }
}

/* ---- samples ---- */

static void add_time(Buf *out, ExpositionFormat format, int64_t time_ms)
{
    if (format == EXPOSITION_TEXT) {
        buf_addf(out, " %" PRId64, time_ms);
        return;
    }
    uint64_t size = time_ms < 0 ? 0 - (uint64_t)time_ms : (uint64_t)time_ms;
    buf_addf(out, " %s%" PRIu64 ".%03u", time_ms < 0 ? "-" : "", size / 1000,
             (unsigned)(size % 1000));
}

static void add_exemplar(Buf *out, const SampleExemplar *exemplar)
{
    char hex[TRACE_ID_HEX + 1];
    bool has_trace = !trace_id_is_zero(&exemplar->trace_id);
    bool has_span = !span_id_is_zero(&exemplar->span_id);
    buf_add(out, STR(" # {"));
    if (has_trace)
        buf_addf(out, "trace_id=\"%s\"", trace_id_text(&exemplar->trace_id, hex));
    if (has_trace && has_span)
        buf_add_byte(out, ',');
    if (has_span)
        buf_addf(out, "span_id=\"%s\"", span_id_text(&exemplar->span_id, hex));
    buf_add(out, STR("} "));
    buf_add_float(out, exemplar->value, FLOAT_METRICS);
    if (exemplar->time_ms)
        add_time(out, EXPOSITION_OPENMETRICS, exemplar->time_ms);
}

static bool may_have_exemplar(const ExpositionSample *sample)
{
    return str_eq(str_from(sample->suffix), STR("_bucket")) ||
           (!*sample->suffix && str_ends(sample->family, STR("_total")));
}

void exposition_sample(Buf *out, ExpositionFormat format, const ExpositionSample *sample)
{
    FloatForm form = format == EXPOSITION_TEXT ? FLOAT_GENERAL : FLOAT_METRICS;
    buf_add(out, sample->family);
    buf_add(out, str_from(sample->suffix));
    if (sample->labels.len || sample->bound) {
        buf_add_byte(out, '{');
        buf_add(out, sample->labels);
        if (sample->bound) {
            buf_add(out, sample->labels.len ? STR(",") : STR(""));
            buf_add(out, str_from(sample->bound));
            buf_add(out, STR("=\""));
            buf_add_float(out, sample->bound_value, form);
            buf_add_byte(out, '"');
        }
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ' ');
    bool whole = sample->counts && format == EXPOSITION_OPENMETRICS;
    buf_add_float(out, sample->value, whole ? FLOAT_FIXED : form);
    if (sample->has_time)
        add_time(out, format, sample->time_ms);
    if (sample->exemplar && format == EXPOSITION_OPENMETRICS && may_have_exemplar(sample))
        add_exemplar(out, sample->exemplar);
    buf_add_byte(out, '\n');
}

void exposition_end(Buf *out, ExpositionFormat format)
{
    if (format == EXPOSITION_OPENMETRICS)
        buf_add(out, STR("# EOF\n"));
}
