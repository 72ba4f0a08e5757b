/* metric_operations.c - settings, and the operations on labels and single values; those that merge
 * points are in metric_aggregate.c. */
#include "processors/metricstransform/metric_operations.h"

#include "processors/metricstransform/metric_aggregate_internal.h"

#include <cryostorm/version.h>

#include <math.h>
#include <string.h>

typedef enum OperationAction {
    ADD_LABEL,
    UPDATE_LABEL,
    DELETE_LABEL_VALUE,
    TOGGLE_SCALAR_DATA_TYPE,
    SCALE_VALUE,
    AGGREGATE_LABELS,
    AGGREGATE_LABEL_VALUES,
} OperationAction;

static const char *const action_names[] = { "add_label",
                                            "update_label",
                                            "delete_label_value",
                                            "toggle_scalar_data_type",
                                            "experimental_scale_value",
                                            "aggregate_labels",
                                            "aggregate_label_values",
                                            NULL };

static bool check_aggregation(Str text, Err *err)
{
    Aggregation ignored;
    if (str_eq(text, STR("count")) || str_eq(text, STR("median")))
        return fail(err, ERR_UNSUPPORTED, "aggregation by %.*s: not supported yet; it comes later",
                    STR_ARG(text));
    return !text.len || aggregation_parse(text, &ignored) ||
           fail(err, ERR_INPUT, "must be one of sum, mean, min, max, not '%.*s'", STR_ARG(text));
}

static const ConfigField value_action_fields[] = {
    TEXT(ValueAction, value, REQUIRED, "This value"),
    TEXT(ValueAction, new_value, REQUIRED, "becomes this one."),
    { 0 },
};

const ConfigField operation_fields[] = {
    CHOICE(MetricOperation, action, REQUIRED, action_names, "What is done."),
    TEXT(MetricOperation, label, "", "To this label."),
    TEXT(MetricOperation, new_label, "", "The label's new name, or a label to add."),
    TEXT(MetricOperation, new_value, "", "Its value."),
    TEXT(MetricOperation, label_value, "", "Of delete_label_value: points with this value go."),
    TEXT_LIST(MetricOperation, label_set, "", "Of aggregate_labels: the labels that stay."),
    TEXT_LIST(MetricOperation, aggregated_values, "",
              "Of aggregate_label_values: the values that become one."),
    TEXT(MetricOperation, aggregation_type, "", "sum, mean, min or max.",
         .check = check_aggregation),
    SECTION_LIST(MetricOperation, value_actions, ValueAction, value_action_fields,
                 "Of update_label: what values become."),
    NUMBER(MetricOperation, experimental_scale, "0", NULL, NULL,
           "Of experimental_scale_value: values times this."),
    { 0 },
};

/* --- rules ----------------------------------------------------------------------------------- */

static bool need(bool given, const char *name, Err *err)
{
    return given || fail(err, ERR_INPUT, "missing required field \"%s\"", name);
}

bool operation_check(const MetricOperation *op, Err *err)
{
    switch ((OperationAction)op->action) {
    case ADD_LABEL:
        return need(op->new_label.len, "new_label", err) &&
               need(op->new_value.len, "new_value", err);
    case UPDATE_LABEL: return need(op->label.len, "label", err);
    case DELETE_LABEL_VALUE:
        return need(op->label.len, "label", err) && need(op->label_value.len, "label_value", err);
    case TOGGLE_SCALAR_DATA_TYPE: return true;
    case SCALE_VALUE:
        return need(op->experimental_scale < 0 || op->experimental_scale > 0, "experimental_scale",
                    err);
    case AGGREGATE_LABELS: return need(op->aggregation_type.len, "aggregation_type", err);
    case AGGREGATE_LABEL_VALUES:
        return need(op->label.len, "label", err) &&
               need(op->aggregated_values.count, "aggregated_values", err) &&
               need(op->new_value.len, "new_value", err) &&
               need(op->aggregation_type.len, "aggregation_type", err);
    }
    return false;
}

/* --- labels ---------------------------------------------------------------------------------- */

static size_t find_label(const PointTree *point, Str key)
{
    size_t at = 0;
    while (at < point->label_count && !str_eq(point->labels[at].key, key))
        at++;
    return at;
}

static bool has_value(const PointTree *point, size_t at, Str value)
{
    return at < point->label_count && point->labels[at].value.kind == VALUE_STRING &&
           str_eq(point->labels[at].value.text, value);
}

/* A list of its own, with room for one more. */
static bool own_labels(PointTree *point, Arena *arena, Err *err)
{
    AttributeView *labels = ARENA_MAKE(arena, AttributeView, point->label_count + 1, err);
    if (!labels)
        return false;
    if (point->label_count)
        memcpy(labels, point->labels, point->label_count * sizeof *labels);
    point->labels = labels;
    point->relabelled = true;
    return true;
}

static ValueView text_value(Str text)
{
    return (ValueView){ .kind = VALUE_STRING, .text = text };
}

/* {{version}} is this program's. */
static Str label_text(Str value)
{
    return str_eq(value, STR("{{version}}")) ? STR(CRYO_VERSION) : value;
}

/* A point that has it keeps its own. */
static bool add_label(const MetricOperation *op, PointTree *point, Arena *arena, Err *err)
{
    size_t at = find_label(point, op->new_label);
    if (at < point->label_count)
        return true;
    if (!own_labels(point, arena, err))
        return false;
    point->label_count++;
    point->labels[at] = (AttributeView){ op->new_label, text_value(label_text(op->new_value)) };
    return true;
}

static void remove_label(PointTree *point, size_t at)
{
    point->label_count--;
    for (; at < point->label_count; at++)
        point->labels[at] = point->labels[at + 1];
}

/* A label that had the new name before gives way. */
static bool update_label(const MetricOperation *op, PointTree *point, Arena *arena, Err *err)
{
    size_t at = find_label(point, op->label);
    if (at == point->label_count)
        return true;
    if (!own_labels(point, arena, err))
        return false;
    for (size_t i = 0; i < op->value_actions.count; i++) {
        if (!has_value(point, at, op->value_actions.items[i].value))
            continue;
        point->labels[at].value = text_value(op->value_actions.items[i].new_value);
        break;
    }
    if (!op->new_label.len || str_eq(op->new_label, op->label))
        return true;
    size_t old = find_label(point, op->new_label);
    point->labels[at].key = op->new_label;
    if (old < point->label_count && old != at)
        remove_label(point, old);
    return true;
}

static void delete_points(const MetricOperation *op, MetricTree *tree)
{
    size_t kept = 0;
    for (size_t i = 0; i < tree->count; i++)
        if (!has_value(&tree->points[i], find_label(&tree->points[i], op->label), op->label_value))
            tree->points[kept++] = tree->points[i];
    tree->count = kept;
}

static bool keep_labels(const MetricOperation *op, PointTree *point, Arena *arena, Err *err)
{
    if (!own_labels(point, arena, err))
        return false;
    size_t kept = 0;
    for (size_t i = 0; i < point->label_count; i++) {
        bool stays = false;
        for (size_t k = 0; k < op->label_set.count && !stays; k++)
            stays = str_eq(op->label_set.items[k], point->labels[i].key);
        if (stays)
            point->labels[kept++] = point->labels[i];
    }
    point->label_count = kept;
    return true;
}

static bool replace_value(const MetricOperation *op, PointTree *point, Arena *arena, Err *err)
{
    size_t at = find_label(point, op->label);
    bool meant = false;
    for (size_t i = 0; i < op->aggregated_values.count && !meant; i++)
        meant = has_value(point, at, op->aggregated_values.items[i]);
    if (!meant)
        return true;
    if (!own_labels(point, arena, err))
        return false;
    point->labels[at].value = text_value(label_text(op->new_value));
    return true;
}

/* --- values ---------------------------------------------------------------------------------- */

static bool is_number(const MetricTree *tree)
{
    return tree->kind == METRIC_GAUGE || tree->kind == METRIC_SUM;
}

static int64_t number_to_int(double real)
{
    const double edge = 9223372036854775808.0; /* 2^63 */
    if (isnan(real))
        return 0;
    return real >= edge ? INT64_MAX : real < -edge ? INT64_MIN : (int64_t)real;
}

static void toggle(PointTree *point)
{
    NumberView old = point->value;
    if (old.kind == NUMBER_INT)
        point->value = (NumberView){ .kind = NUMBER_DOUBLE, .real = (double)old.integer };
    else if (old.kind == NUMBER_DOUBLE)
        point->value = (NumberView){ .kind = NUMBER_INT, .integer = number_to_int(old.real) };
    point->revalued = true;
}

static void scale_number(PointTree *point, double scale)
{
    if (point->value.kind == NUMBER_INT)
        point->value.integer = number_to_int((double)point->value.integer * scale);
    else if (point->value.kind == NUMBER_DOUBLE)
        point->value.real *= scale;
    point->revalued = true;
}

/* By a negative number the order of the buckets turns round, which nobody means: refused before. */
static bool scale_histogram(const MetricTree *tree, PointTree *point, double scale, Arena *arena,
                            Err *err)
{
    if (!metric_tree_open_histogram(tree, point, arena, err))
        return false;
    HistogramPointView *view = &point->histogram->view;
    view->sum *= scale;
    view->min *= scale;
    view->max *= scale;
    for (size_t i = 0; i < point->histogram->count_of_bounds; i++)
        point->histogram->bounds[i] *= scale;
    return true;
}

static bool scale(const MetricOperation *op, MetricTree *tree, Arena *arena, bool *skipped,
                  Err *err)
{
    bool histogram = tree->kind == METRIC_HISTOGRAM && op->experimental_scale > 0;
    if (!is_number(tree) && !histogram) {
        *skipped = true;
        return true;
    }
    for (size_t i = 0; i < tree->count; i++) {
        PointTree *point = &tree->points[i];
        point->exemplar_scale *= op->experimental_scale;
        if (!histogram)
            scale_number(point, op->experimental_scale);
        else if (!scale_histogram(tree, point, op->experimental_scale, arena, err))
            return false;
    }
    return true;
}

/* --- the whole ------------------------------------------------------------------------------- */

typedef bool ChangePoint(const MetricOperation *op, PointTree *point, Arena *arena, Err *err);

static bool change_points(const MetricOperation *op, MetricTree *tree, ChangePoint *change,
                          Arena *arena, Err *err)
{
    for (size_t i = 0; i < tree->count; i++)
        if (!change(op, &tree->points[i], arena, err))
            return false;
    return true;
}

static bool aggregate(const MetricOperation *op, MetricTree *tree, Arena *arena, bool *skipped,
                      Err *err)
{
    Aggregation how;
    ChangePoint *change = op->action == AGGREGATE_LABELS ? keep_labels : replace_value;
    if (!aggregation_parse(op->aggregation_type, &how))
        return fail(err, ERR_INPUT, "no such aggregation");
    if (!metric_can_aggregate(tree, how)) {
        *skipped = true;
        return true;
    }
    return change_points(op, tree, change, arena, err) && metric_aggregate(tree, how, arena, err);
}

bool operation_apply(const MetricOperation *op, MetricTree *tree, Arena *arena, bool *skipped,
                     Err *err)
{
    switch ((OperationAction)op->action) {
    case ADD_LABEL: return change_points(op, tree, add_label, arena, err);
    case UPDATE_LABEL: return change_points(op, tree, update_label, arena, err);
    case DELETE_LABEL_VALUE: delete_points(op, tree); return true;
    case TOGGLE_SCALAR_DATA_TYPE:
        *skipped = *skipped || !is_number(tree);
        for (size_t i = 0; is_number(tree) && i < tree->count; i++)
            toggle(&tree->points[i]);
        return true;
    case SCALE_VALUE: return scale(op, tree, arena, skipped, err);
    case AGGREGATE_LABELS:
    case AGGREGATE_LABEL_VALUES: return aggregate(op, tree, arena, skipped, err);
    }
    return true;
}
