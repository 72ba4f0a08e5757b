/* kept_spans.c - see kept_spans.h. */
#include "sdk/kept_spans.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

void memory_start(const CryoSettings *settings)
{
    CryoSettings use = settings ? *settings : (CryoSettings){ 0 };
    CryoError error;
    if (!use.tracing.exporter_type)
        use.tracing.exporter_type = "in_memory";
    if (!use.env_file)
        use.env_file = "";
    if (!cryo_start(&use, &error))
        fail_msg("%s", error.text);
}

void memory_stop(void)
{
    cryo_shutdown(5000, NULL);
    cryo_reset();
}

typedef struct Search {
    const char *name;
    const CryoSpanView *found;
} Search;

static void look(void *context, const CryoSpanView *span)
{
    Search *search = context;
    if (!search->name || text_is(span->name, search->name))
        search->found = span;
}

const CryoSpanView *span_named(const char *name)
{
    Search search = { name, NULL };
    assert_true(cryo_flush(10000, NULL));
    cryo_memory_spans(look, &search);
    return search.found;
}

size_t span_count(void)
{
    assert_true(cryo_flush(10000, NULL));
    return cryo_memory_spans(NULL, NULL);
}

const CryoValue *attribute_of(CryoAttrs attributes, const char *key)
{
    for (size_t i = 0; i < attributes.count; i++)
        if (text_is(attributes.ptr[i].key, key))
            return &attributes.ptr[i].value;
    return NULL;
}

bool text_is(CryoString text, const char *wanted)
{
    return text.len == strlen(wanted) && (!text.len || memcmp(text.ptr, wanted, text.len) == 0);
}

bool text_attribute_is(CryoAttrs attributes, const char *key, const char *wanted)
{
    const CryoValue *value = attribute_of(attributes, key);
    return value && value->type == CRYO_STRING && text_is(value->as.string, wanted);
}
