/* edit_test.c - edited batches hold what the edits say, and all else as it was. */
#include "otlp/edit.h"

#include "otlp/combine.h"
#include "otlp/encode.h"
#include "support/otlp_sample.h"
#include "support/starve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

enum { LIMIT = 1000000 };

static const Signal signals[] = { TRACES, METRICS, LOGS };

static Batch *sample(Random *random, Signal signal)
{
    Err err;
    Buf bytes = BUF(LIMIT);
    sample_bytes(random, signal, &bytes);
    Batch *batch = batch_from_bytes(signal, &bytes, &err);
    assert_non_null(batch);
    return batch;
}

static AttributeView text(Str key, Str value)
{
    return (AttributeView){ key, { .kind = VALUE_STRING, .text = value } };
}

static Attributes attributes_of(const Batch *batch, EditTarget target, size_t number)
{
    switch (target) {
    case EDIT_RESOURCE: return resource_attributes(batch, number);
    case EDIT_SCOPE: return scope_attributes(batch, number);
    case EDIT_ITEM: break;
    }
    return item_attributes(batch, number);
}

static size_t count_of(const Batch *batch, EditTarget target)
{
    switch (target) {
    case EDIT_RESOURCE: return batch_resource_count(batch);
    case EDIT_SCOPE: return batch_scope_count(batch);
    case EDIT_ITEM: break;
    }
    return batch_item_count(batch);
}

/* A model of one attribute list: what the edits should make of it. */
typedef struct Model {
    AttributeView list[64];
    size_t count;
} Model;

static void model_load(Model *model, Attributes list)
{
    model->count = 0;
    while (model->count < COUNT_OF(model->list) &&
           attributes_next(&list, &model->list[model->count]))
        model->count++;
}

static void model_remove(Model *model, Str key, size_t from)
{
    size_t kept = from;
    for (size_t i = from; i < model->count; i++)
        if (!str_eq(model->list[i].key, key))
            model->list[kept++] = model->list[i];
    model->count = kept;
}

static void model_set(Model *model, AttributeView attribute)
{
    for (size_t i = 0; i < model->count; i++) {
        if (!str_eq(model->list[i].key, attribute.key))
            continue;
        model->list[i] = attribute;
        model_remove(model, attribute.key, i + 1);
        return;
    }
    model->list[model->count++] = attribute;
}

static void check_model(const Model *model, Attributes list)
{
    AttributeView attribute;
    for (size_t i = 0; i < model->count; i++) {
        assert_true(attributes_next(&list, &attribute));
        assert_true(str_eq(attribute.key, model->list[i].key));
        assert_int_equal(attribute.value.kind, model->list[i].value.kind);
        if (attribute.value.kind == VALUE_INT)
            assert_true(attribute.value.integer == model->list[i].value.integer);
        if (attribute.value.kind == VALUE_STRING)
            assert_true(str_eq(attribute.value.text, model->list[i].value.text));
    }
    assert_false(attributes_next(&list, &attribute));
}

static const Str keys[] = { STR_ROW("a"), STR_ROW("service.name"), STR_ROW("new"),
                            STR_ROW("http.route"), STR_ROW("") };

static void edit_at_random(Random *random, Edits *edits, EditTarget target, size_t number,
                           Model *model)
{
    Err err;
    for (uint64_t n = random_below(random, 8); n > 0; n--) {
        Str key = keys[random_below(random, COUNT_OF(keys))];
        AttributeView attribute = text(key, STR("edited to something longer than it was"));
        switch (random_below(random, 3)) {
        case 0:
            assert_true(edits_append(edits, target, number, &attribute, &err));
            model->list[model->count++] = attribute;
            break;
        case 1:
            assert_true(edits_set(edits, target, number, &attribute, &err));
            model_set(model, attribute);
            break;
        default:
            assert_true(edits_remove(edits, target, number, key, &err));
            model_remove(model, key, 0);
        }
        ValueView value;
        bool found = edits_find(edits, target, number, keys[1], &value), expected = false;
        for (size_t i = 0; i < model->count; i++)
            expected = expected || str_eq(model->list[i].key, keys[1]);
        assert_int_equal(found, expected);
    }
}

/* What the edits do not touch is the same. */
static void check_untouched(const Batch *before, const Batch *after, EditTarget target)
{
    assert_int_equal(batch_resource_count(before), batch_resource_count(after));
    assert_int_equal(batch_scope_count(before), batch_scope_count(after));
    assert_int_equal(batch_item_count(before), batch_item_count(after));
    for (size_t i = 0; target != EDIT_ITEM && i < batch_item_count(before); i++)
        assert_true(str_eq(item_bytes(before, i), item_bytes(after, i)));
    for (size_t i = 0; i < batch_scope_count(before); i++) {
        ScopeView a = scope_view(before, i), b = scope_view(after, i);
        assert_true(str_eq(a.name, b.name) && str_eq(a.schema_url, b.schema_url));
    }
}

static void test_random_edits(void **state)
{
    (void)state;
    Err err;
    Random random;
    random_seed(&random, 99);
    static Model models[200];
    for (size_t round = 0; round < 300; round++) {
        Batch *batch = sample(&random, signals[round % 3]);
        EditTarget target = (EditTarget)random_below(&random, 3);
        Edits *edits = edits_new(batch, LIMIT, &err);
        assert_non_null(edits);
        size_t count = count_of(batch, target);
        assert_true(count <= COUNT_OF(models));
        for (size_t i = 0; i < count; i++) {
            model_load(&models[i], attributes_of(batch, target, i));
            edit_at_random(&random, edits, target, i, &models[i]);
        }
        Batch *changed = edits_apply(edits, &err);
        assert_non_null(changed);
        check_untouched(batch, changed, target);
        for (size_t i = 0; i < count; i++)
            check_model(&models[i], attributes_of(changed, target, i));
        batch_unref(changed);
        edits_free(edits);
        batch_unref(batch);
    }
}

/* The items of `batch` that `gone` does not name, described. */
static void describe_rest(const Batch *batch, const bool *gone, Buf *out)
{
    for (size_t i = 0; i < batch_item_count(batch); i++) {
        if (gone[i])
            continue;
        sample_describe_item(batch, i, out);
        buf_add_byte(out, '\n');
    }
}

static void test_dropped_items(void **state)
{
    (void)state;
    Err err;
    Random random;
    random_seed(&random, 5);
    for (size_t round = 0; round < 300; round++) {
        Batch *batch = sample(&random, signals[round % 3]);
        Edits *edits = edits_new(batch, LIMIT, &err);
        bool gone[300] = { false };
        uint64_t one_in = 1 + random_below(&random, 3);
        for (size_t i = 0; i < batch_item_count(batch); i++) {
            gone[i] = random_below(&random, one_in) == 0;
            if (gone[i])
                assert_true(edits_drop_item(edits, i, &err));
        }
        Batch *changed = edits_apply(edits, &err);
        assert_non_null(changed);
        Buf expected = BUF(LIMIT * 10), got = BUF(LIMIT * 10);
        describe_rest(batch, gone, &expected);
        sample_describe(changed, &got);
        assert_true(str_eq(buf_str(&expected), buf_str(&got)));
        buf_free(&expected);
        buf_free(&got);
        batch_unref(changed);
        edits_free(edits);
        batch_unref(batch);
    }
}

static void check_span(const SpanView *got, const SpanView *want)
{
    assert_true(str_eq(got->name, want->name));
    assert_true(str_eq(got->status_message, want->status_message));
    assert_int_equal(got->status_code, want->status_code);
    assert_int_equal(got->kind, want->kind);
    assert_int_equal(got->start_ns, want->start_ns);
    assert_int_equal(fields_count(got->events), fields_count(want->events));
    assert_int_equal(attributes_count(got->attributes), attributes_count(want->attributes));
}

/* Some spans get names and statuses, and attributes besides. */
static void test_names_and_statuses(void **state)
{
    (void)state;
    static SpanView want[300];
    static const Str texts[] = { STR_ROW(""), STR_ROW("short"),
                                 STR_ROW("something that is longer than what had been there") };
    Err err;
    Random random;
    random_seed(&random, 17);
    for (size_t round = 0; round < 300; round++) {
        Batch *batch = sample(&random, TRACES);
        Edits *edits = edits_new(batch, LIMIT, &err);
        for (size_t i = 0; i < batch_item_count(batch); i++) {
            want[i] = span_view(batch, i);
            if (random_below(&random, 2)) {
                want[i].name = texts[random_below(&random, COUNT_OF(texts))];
                assert_true(edits_set_name(edits, i, STR("first"), &err));
                assert_true(edits_set_name(edits, i, want[i].name, &err));
            }
            if (random_below(&random, 2)) {
                want[i].status_message = texts[random_below(&random, COUNT_OF(texts))];
                want[i].status_code = (uint32_t)random_below(&random, STATUS_ERROR + 1);
                assert_true(edits_set_status(edits, i, (StatusCode)want[i].status_code,
                                             want[i].status_message, &err));
            }
        }
        Batch *changed = edits_apply(edits, &err);
        assert_non_null(changed);
        for (size_t i = 0; i < batch_item_count(batch); i++) {
            SpanView got = span_view(changed, i);
            check_span(&got, &want[i]);
        }
        batch_unref(changed);
        edits_free(edits);
        batch_unref(batch);
    }
}

/* A name that a sender repeats goes altogether, and a status is not merged with the old one. */
static void test_a_new_field_replaces_all_old_ones(void **state)
{
    (void)state;
    Err err;
    Buf bytes = BUF(1000);
    size_t group = wire_open(&bytes, REQUEST_GROUP), scopes = wire_open(&bytes, GROUP_SCOPES);
    size_t span = wire_open(&bytes, SCOPES_ITEM);
    for (int i = 0; i < 2; i++) {
        wire_add_bytes(&bytes, SPAN_TRACE_STATE, STR("old=1"));
        wire_add_bytes(&bytes, SPAN_NAME, STR("old"));
        wire_add_bytes(&bytes, SPAN_STATUS, STR("\x12\x03why\x18\x02"));
    }
    wire_close(&bytes, span);
    wire_close(&bytes, scopes);
    wire_close(&bytes, group);
    Batch *batch = batch_from_bytes(TRACES, &bytes, &err);
    Edits *edits = edits_new(batch, LIMIT, &err);
    AttributeView attribute = text(STR("k"), STR("v"));
    assert_true(edits_set_name(edits, 0, STR("new"), &err));
    assert_true(edits_set_trace_state(edits, 0, STR("k=1"), &err));
    assert_true(edits_set_status(edits, 0, STATUS_UNSET, STR(""), &err));
    assert_true(edits_set(edits, EDIT_ITEM, 0, &attribute, &err));
    Batch *changed = edits_apply(edits, &err);
    assert_non_null(changed);
    SpanView got = span_view(changed, 0);
    assert_true(str_eq(got.name, STR("new")));
    assert_true(str_eq(got.trace_state, STR("k=1")));
    assert_int_equal(got.status_code, STATUS_UNSET);
    assert_int_equal(got.status_message.len, 0);
    assert_int_equal(attributes_count(got.attributes), 1);
    assert_false(str_contains(batch_bytes(changed), STR("old")));
    assert_false(str_contains(batch_bytes(changed), STR("why")));
    batch_unref(changed);
    edits_free(edits);
    batch_unref(batch);
}

static void test_empty_owners_go(void **state)
{
    (void)state;
    Err err;
    Buf bytes = BUF(1000);
    for (int i = 0; i < 2; i++) {
        size_t group = wire_open(&bytes, REQUEST_GROUP);
        size_t scopes = wire_open(&bytes, GROUP_SCOPES);
        wire_add_bytes(&bytes, SCOPES_ITEM, STR("\x2A\x01x"));
        wire_add_bytes(&bytes, SCOPES_ITEM, STR("\x2A\x01y"));
        wire_close(&bytes, scopes);
        wire_close(&bytes, group);
    }
    Batch *batch = batch_from_bytes(TRACES, &bytes, &err);
    Edits *edits = edits_new(batch, LIMIT, &err);
    assert_true(edits_drop_item(edits, 1, &err) && edits_drop_item(edits, 0, &err));
    assert_true(edits_drop_item(edits, 0, &err)); /* twice is once */
    Batch *changed = edits_apply(edits, &err);
    assert_int_equal(batch_resource_count(changed), 1);
    assert_int_equal(batch_item_count(changed), 2);
    batch_unref(changed);
    assert_true(edits_drop_item(edits, 2, &err));
    changed = edits_apply(edits, &err);
    assert_int_equal(batch_item_count(changed), 1);
    assert_true(str_eq(span_view(changed, 0).name, STR("y")));
    batch_unref(changed);
    edits_free(edits);
    batch_unref(batch);
}

static void test_no_edits_no_copy(void **state)
{
    (void)state;
    Err err;
    Batch *batch = batch_from_copy(LOGS, STR("\x0A\x00"), &err);
    Edits *edits = edits_new(batch, LIMIT, &err);
    Batch *same = edits_apply(edits, &err);
    assert_ptr_equal(same, batch);
    batch_unref(same);
    edits_free(edits);
    edits_free(NULL);
    batch_unref(batch);
}

static void test_limit(void **state)
{
    (void)state;
    Err err = { 0 };
    Batch *batch = batch_from_copy(LOGS, STR("\x0A\x00"), &err);
    Edits *edits = edits_new(batch, 4000, &err);
    AttributeView attribute = text(STR("key"), STR("value"));
    bool ok = true;
    for (int i = 0; ok && i < 1000; i++)
        ok = edits_append(edits, EDIT_RESOURCE, 0, &attribute, &err);
    assert_false(ok);
    assert_int_equal(err.kind, ERR_LIMIT);
    edits_free(edits);
    batch_unref(batch);
}

static bool try_edits(Batch *batch, Err *err)
{
    AttributeView attribute = text(STR("new"), STR("value"));
    Edits *edits = edits_new(batch, LIMIT, err);
    bool ok = edits && edits_set(edits, EDIT_RESOURCE, 0, &attribute, err) &&
              edits_append(edits, EDIT_ITEM, 0, &attribute, err) &&
              edits_remove(edits, EDIT_SCOPE, 0, STR("a"), err) && edits_drop_item(edits, 1, err);
    Batch *changed = ok ? edits_apply(edits, err) : NULL;
    ok = changed;
    batch_unref(changed);
    edits_free(edits);
    return ok;
}

static void test_starved_names(void **state)
{
    (void)state;
    Err err = { 0 };
    starve_after(-1);
    Batch *batch = batch_from_copy(TRACES, STR("\x0A\x07\x12\x05\x12\x03\x2A\x01x"), &err);
    assert_int_equal(batch_item_count(batch), 1);
    long before = starve_live();
    bool ok = false;
    for (long n = 0; !ok; n++) {
        starve_after(n);
        Edits *edits = edits_new(batch, LIMIT, &err);
        ok = edits && edits_set_name(edits, 0, STR("new"), &err) &&
             edits_set_status(edits, 0, STATUS_ERROR, STR("why"), &err);
        Batch *changed = ok ? edits_apply(edits, &err) : NULL;
        ok = changed;
        assert_int_equal(!ok, starve_happened());
        batch_unref(changed);
        edits_free(edits);
        starve_end();
        assert_int_equal(starve_live(), before);
        assert_true(n < 500);
    }
    batch_unref(batch);
}

static void test_starved(void **state)
{
    (void)state;
    Random random;
    random_seed(&random, 3);
    starve_after(-1);
    Batch *batch = sample(&random, METRICS);
    while (batch_item_count(batch) < 5) {
        batch_unref(batch);
        batch = sample(&random, METRICS);
    }
    long before = starve_live();
    bool ok = false;
    for (long n = 0; !ok; n++) {
        Err err = { 0 };
        starve_after(n);
        ok = try_edits(batch, &err);
        assert_int_equal(!ok, starve_happened());
        assert_int_equal(err.kind, ok ? ERR_NONE : ERR_MEMORY);
        starve_end();
        assert_int_equal(starve_live(), before);
        assert_true(n < 500);
    }
    batch_unref(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_statuses),
        cmocka_unit_test(test_a_new_field_replaces_all_old_ones),
        cmocka_unit_test(test_starved_names),
        cmocka_unit_test(test_random_edits),
        cmocka_unit_test(test_dropped_items),
        cmocka_unit_test(test_empty_owners_go),
        cmocka_unit_test(test_no_edits_no_copy),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_starved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
