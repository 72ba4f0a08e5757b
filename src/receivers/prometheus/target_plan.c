/* target_plan.c - see target_plan.h. */
#include "receivers/prometheus/target_plan.h"

#include "base/clock.h"
#include "base/mem.h"
#include "net/url.h"

#include <inttypes.h>
#include <string.h>

#define PARAM "__param_"
#define META  "__meta_"

typedef struct Planning {
    TargetPlan *plan;
    const PlanJob *of;
    LabelSet set;
    Label labels[PLAN_LABELS_MAX];
    Buf text;
} Planning;

/* ---- what the labels begin as ---- */

static bool preset(Planning *planning, Str name, Str value, Err *err)
{
    return label_set_get(&planning->set, name).len ||
           label_set_put(&planning->set, (Label){ name, value }, err);
}

static bool keep_text(Planning *planning, Str *out, Err *err)
{
    bool ok = buf_ok(&planning->text, err) &&
              arena_copy(planning->plan->arena, buf_str(&planning->text), out, err);
    buf_clear(&planning->text);
    return ok;
}

/* "1m30s", "500ms": whole, as period_parse() reads it again. */
static bool preset_period(Planning *planning, Str name, int64_t ns, Err *err)
{
    static const struct {
        int64_t ns;
        const char *unit;
    } units[] = { { 3600 * NANOS_PER_SECOND, "h" },
                  { 60 * NANOS_PER_SECOND, "m" },
                  { NANOS_PER_SECOND, "s" },
                  { NANOS_PER_MILLI, "ms" } };
    Str value;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (ns >= units[i].ns)
            buf_addf(&planning->text, "%" PRId64 "%s", ns / units[i].ns, units[i].unit);
        ns %= units[i].ns;
    }
    return keep_text(planning, &value, err) && preset(planning, name, value, err);
}

static bool preset_params(Planning *planning, Err *err)
{
    const Node *params = planning->of->job->params;
    bool ok = true;
    for (size_t i = 0; ok && params && params->kind == NODE_MAP && i < params->count; i++) {
        const NodePair *pair = &params->pairs[i];
        Str name;
        if (!pair->value->count)
            continue;
        buf_addf(&planning->text, PARAM "%.*s", STR_ARG(pair->key));
        ok = keep_text(planning, &name, err) &&
             preset(planning, name, pair->value->items[0]->text, err);
    }
    return ok;
}

static bool begin(Planning *planning, Labels found, Err *err)
{
    const ScrapeConfig *job = planning->of->job;
    const PrometheusConfig *config = planning->of->config;
    for (size_t i = 0; i < found.count; i++) {
        Label copy;
        if (!arena_copy(planning->plan->arena, found.ptr[i].name, &copy.name, err) ||
            !arena_copy(planning->plan->arena, found.ptr[i].value, &copy.value, err) ||
            !label_set_put(&planning->set, copy, err))
            return false;
    }
    return preset(planning, STR("job"), job->job_name, err) &&
           preset(planning, STR("__scheme__"), job->scheme, err) &&
           preset(planning, STR("__metrics_path__"), job->metrics_path, err) &&
           preset_period(planning, STR("__scrape_interval__"), scrape_interval_of(config, job),
                         err) &&
           preset_period(planning, STR("__scrape_timeout__"), scrape_timeout_of(config, job),
                         err) &&
           preset_params(planning, err);
}

/* ---- what they say in the end ---- */

static Str get(const Planning *planning, const char *name)
{
    return label_set_get(&planning->set, str_from(name));
}

static bool take_period(const Planning *planning, const char *name, int64_t *out, Err *err)
{
    Str text = get(planning, name);
    return (period_parse(text, out) && *out > 0) ||
           fail(err, ERR_INPUT, "%s: \"%.*s\" is not a duration such as 30s", name,
                STR_ARG(str_first(text, 60)));
}

static bool take_times(Planning *planning, Err *err)
{
    TargetPlan *plan = planning->plan;
    if (!take_period(planning, "__scrape_interval__", &plan->interval_ns, err) ||
        !take_period(planning, "__scrape_timeout__", &plan->timeout_ns, err))
        return false;
    return plan->timeout_ns <= plan->interval_ns ||
           fail(err, ERR_INPUT, "__scrape_timeout__ is longer than __scrape_interval__");
}

static bool take_address(Planning *planning, Err *err)
{
    TargetPlan *plan = planning->plan;
    Url url;
    Str port;
    plan->scheme = get(planning, "__scheme__");
    plan->address = get(planning, "__address__");
    if (!plan->address.len)
        return fail(err, ERR_INPUT, "no address");
    if (!str_eq(plan->scheme, STR("http")) && !str_eq(plan->scheme, STR("https")))
        return fail(err, ERR_INPUT, "__scheme__: \"%.*s\" is neither http nor https",
                    STR_ARG(str_first(plan->scheme, 60)));
    if (!scrape_check_target(plan->address, err))
        return false;
    buf_addf(&planning->text, "%.*s://%.*s", STR_ARG(plan->scheme), STR_ARG(plan->address));
    if (!keep_text(planning, &plan->url, err) || !url_parse(plan->url, &url, err))
        return false;
    buf_addf(&planning->text, "%u", url.port);
    plan->host = url.host;
    if (!keep_text(planning, &port, err))
        return false;
    plan->port = port;
    return preset(planning, STR("instance"), plan->address, err);
}

static void add_encoded(Buf *out, Str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '_' || c == '.' || c == '~';
        if (plain)
            buf_add_byte(out, c);
        else
            buf_addf(out, "%%%02X", (unsigned)(unsigned char)c);
    }
}

static void add_param(Buf *out, char *separator, Str name, Str value)
{
    buf_add_byte(out, *separator);
    add_encoded(out, name);
    buf_add_byte(out, '=');
    add_encoded(out, value);
    *separator = '&';
}

/* A __param_ label stands for the first value of its name. */
static bool take_path(Planning *planning, Err *err)
{
    const Node *params = planning->of->job->params;
    Str path = get(planning, "__metrics_path__");
    char separator = str_contains(path, STR("?")) ? '&' : '?';
    if (!str_starts(path, STR("/")))
        buf_add_byte(&planning->text, '/');
    for (size_t i = 0; i < path.len; i++)
        if ((unsigned char)path.ptr[i] <= ' ' || path.ptr[i] == 0x7f || path.ptr[i] == '#')
            buf_addf(&planning->text, "%%%02X", (unsigned)(unsigned char)path.ptr[i]);
        else
            buf_add_byte(&planning->text, path.ptr[i]);
    planning->set.count = labels_sort(planning->set.items, planning->set.count);
    for (size_t i = 0; i < planning->set.count; i++) {
        const Label *label = &planning->set.items[i];
        if (!str_starts(label->name, STR(PARAM)))
            continue;
        Str name = str_skip(label->name, sizeof PARAM - 1);
        const Node *values = params && params->kind == NODE_MAP ? node_get(params, name) : NULL;
        add_param(&planning->text, &separator, name, label->value);
        for (size_t v = 1; values && v < values->count; v++)
            add_param(&planning->text, &separator, name, values->items[v]->text);
    }
    return keep_text(planning, &planning->plan->path, err);
}

static bool take_labels(Planning *planning, Err *err)
{
    TargetPlan *plan = planning->plan;
    size_t count = 0;
    Label *shown = ARENA_MAKE(plan->arena, Label, planning->set.count + 1, err);
    if (!shown)
        return false;
    planning->set.count = labels_sort(planning->set.items, planning->set.count);
    for (size_t i = 0; i < planning->set.count; i++) {
        Label label = planning->set.items[i];
        if (str_starts(label.name, STR(META)))
            continue;
        if (!utf8_valid(label.value))
            return fail(err, ERR_INPUT, "the label %.*s is not UTF-8", STR_ARG(label.name));
        buf_addf(&planning->text, "%.*s=%.*s%c", STR_ARG(label.name), STR_ARG(label.value), 0x1f);
        if (str_eq(label.name, STR("job")))
            plan->job = label.value;
        else if (str_eq(label.name, STR("instance")))
            plan->instance = label.value;
        else if (!str_starts(label.name, STR("__")))
            shown[count++] = label;
    }
    plan->labels = (Labels){ shown, count };
    if (count > SCRAPE_LABELS_MAX)
        return fail(err, ERR_LIMIT, "more than %d labels", SCRAPE_LABELS_MAX);
    return keep_text(planning, &plan->key, err);
}

static PlanResult make(Planning *planning, Labels found, Err *err)
{
    if (!begin(planning, found, err))
        return PLAN_FAILED;
    RelabelResult result = relabel_apply(planning->of->relabel, &planning->set, err);
    if (result == RELABEL_DROPPED || (result == RELABEL_KEPT && !planning->set.count))
        return PLAN_DROPPED;
    bool ok = result == RELABEL_KEPT && take_times(planning, err) && take_address(planning, err) &&
              take_path(planning, err) && take_labels(planning, err);
    return ok ? PLAN_MADE : PLAN_FAILED;
}

PlanResult target_plan_make(TargetPlan *plan, const PlanJob *of, Labels found, Err *err)
{
    *plan = (TargetPlan){ .arena = arena_new_in(of->purse, PLAN_BYTES_MAX, err) };
    Planning *planning = plan->arena ? MEM_MAKE(Planning, 1, err) : NULL;
    if (!planning) {
        target_plan_done(plan);
        return PLAN_FAILED;
    }
    planning->plan = plan;
    planning->of = of;
    planning->text = BUF(PLAN_BYTES_MAX);
    planning->set =
        (LabelSet){ .items = planning->labels, .cap = PLAN_LABELS_MAX, .arena = plan->arena };
    PlanResult result = make(planning, found, err);
    label_set_done(&planning->set);
    buf_free(&planning->text);
    mem_free(planning);
    if (result != PLAN_MADE)
        target_plan_done(plan);
    return result;
}

void target_plan_done(TargetPlan *plan)
{
    arena_free(plan->arena);
    *plan = (TargetPlan){ 0 };
}
