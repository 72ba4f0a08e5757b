/* Pipelines as text, letter by letter, and as SVG that nothing in an id can break. */
#include "cmd/config_graph.h"

#include "config/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TYPE(symbol, text, what)          \
    static const ComponentType symbol = { \
        .name = text,                     \
        .kind = what,                     \
        .signals = ALL_SIGNALS,           \
        .size = sizeof(Component),        \
    }

TYPE(in, "in", RECEIVER);
TYPE(out, "out", EXPORTER);
TYPE(step, "step", PROCESSOR);
TYPE(side, "side", EXTENSION);
static const ComponentType *const registry[] = { &in, &out, &step, &side, NULL };

static const struct {
    const char *pipeline, *drawn;
} rows[] = {
    { "{receivers: [in], exporters: [out]}", "logs\n"
                                             "  in ───▶ out\n" },
    { "{receivers: [in], processors: [step, step/2], exporters: [out]}",
      "logs\n"
      "  in ──▶ step ─▶ step/2 ──▶ out\n" },
    { "{receivers: [in, in/ä], processors: [step], exporters: [out]}", "logs\n"
                                                                       "  in   ─┬─▶ step ──▶ out\n"
                                                                       "  in/ä ─┘\n" },
    { "{receivers: [in], processors: [step], exporters: [out, out/2, out/3]}",
      "logs\n"
      "  in ──▶ step ─┬─▶ out\n"
      "               ├─▶ out/2\n"
      "               └─▶ out/3\n" },
    { "{receivers: [in/ä, in, in/3], exporters: [out, out/2]}", "logs\n"
                                                                "  in/ä ─┬─┬─▶ out\n"
                                                                "  in   ─┤ └─▶ out/2\n"
                                                                "  in/3 ─┘\n" },
};

static const ServiceConfig *load(const char *pipeline, Arena *arena)
{
    char yaml[1024];
    Problems problems;
    problems_init(&problems, arena);
    snprintf(yaml, sizeof yaml,
             "receivers: {in: , in/ä: , in/3: }\nprocessors: {step: , step/2: }\n"
             "exporters: {out: , out/2: , out/3: , 'out/a&b': }\nextensions: {side: , side/2: }\n"
             "service: {extensions: [side], pipelines: {logs: %s}}\n",
             pipeline);
    const Node *root = yaml_parse(str_from(yaml), STR("a<b.yaml"), arena, &problems);
    assert_non_null(root);
    const ServiceConfig *config = service_config_load(registry, root, arena, &problems);
    assert_non_null(config);
    return config;
}

static void pipelines_are_drawn(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err;
        Arena *arena = arena_new(1 << 20, &err);
        Buf text = BUF(CONFIG_GRAPH_MAX);
        config_graph_text(load(rows[i].pipeline, arena), &text);
        assert_non_null(buf_text(&text));
        assert_true(strlen(rows[i].drawn) < text.len);
        text.ptr[strlen(rows[i].drawn)] = 0;
        assert_string_equal(text.ptr, rows[i].drawn);
        buf_free(&text);
        arena_free(arena);
    }
}

static void what_is_beside_the_pipelines_is_named(void **state)
{
    (void)state;
    Err err;
    Arena *arena = arena_new(1 << 20, &err);
    Buf text = BUF(CONFIG_GRAPH_MAX);
    config_graph_text(load("{receivers: [in, in/ä, in/3], processors: [step, step/2], exporters: "
                           "[out, out/2, out/3]}",
                           arena),
                      &text);
    assert_non_null(strstr(buf_text(&text), "\nextensions\n  side\n"
                                            "not started\n  exporters.out/a&b, "
                                            "extensions.side/2\n"));
    buf_free(&text);
    arena_free(arena);
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
        count++;
    return count;
}

static void the_picture_has_every_box_and_arrow(void **state)
{
    (void)state;
    Err err;
    Arena *arena = arena_new(1 << 20, &err);
    Buf svg = BUF(CONFIG_GRAPH_MAX);
    config_graph_svg(load("{receivers: [in, in/ä], processors: [step], exporters: [out, 'out/a&b', "
                          "out/2]}",
                          arena),
                     &svg);
    const char *text = buf_text(&svg);
    assert_int_equal(count_of(text, "<rect"), 6);
    assert_int_equal(count_of(text, "marker-end"), 5);
    assert_int_equal(count_of(text, "<g "), count_of(text, "</g>"));
    assert_non_null(strstr(text, ">out/a&#38;b</text>"));
    assert_non_null(strstr(text, "<title>a&#60;b.yaml:3:"));
    assert_null(strstr(text, "a<b"));
    buf_free(&svg);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pipelines_are_drawn),
        cmocka_unit_test(what_is_beside_the_pipelines_is_named),
        cmocka_unit_test(the_picture_has_every_box_and_arrow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
