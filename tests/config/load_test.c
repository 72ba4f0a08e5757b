/* load_test.c - a tree into a struct by a table. */
#include "config/field.h"

#include "config/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

typedef struct Grpc {
    bool present;
    Str endpoint;
} Grpc;

typedef struct Receiver {
    Grpc grpc;
    int64_t timeout;
    TextList names;
} Receiver;

static const ConfigField grpc_fields[] = {
    ENDPOINT(Grpc, endpoint, "localhost:4317", "Where to listen."),
    { 0 },
};

static const ConfigField fields[] = {
    OPTIONAL_SECTION(Receiver, grpc, Grpc, grpc_fields, "OTLP over gRPC."),
    DURATION(Receiver, timeout, "5s", "1ms", "1h", "Give up after this.", .also = "deadline"),
    TEXT_LIST(Receiver, names, "a, b", "Names."),
    LATER("tls", "TLS"),
    { 0 },
};

typedef struct Ground {
    Arena *arena;
    Problems problems;
    Receiver receiver;
    bool loaded;
    Buf said;
} Ground;

static void load(Ground *ground, const char *yaml)
{
    Err err;
    *ground = (Ground){ .arena = arena_new(1 << 20, &err), .said = BUF(1 << 20) };
    assert_non_null(ground->arena);
    problems_init(&ground->problems, ground->arena);
    Node *root = yaml_parse(str_from(yaml), STR("a.yaml"), ground->arena, &ground->problems);
    ground->loaded =
        root && config_load(fields, root, &ground->receiver, ground->arena, &ground->problems);
    problems_write(&ground->problems, &ground->said);
    assert_non_null(buf_text(&ground->said));
}

static void drop(Ground *ground)
{
    buf_free(&ground->said);
    arena_free(ground->arena);
}

static void test_presets(void **state)
{
    (void)state;
    Ground ground;
    load(&ground, "grpc:\n");
    assert_string_equal(ground.said.ptr, "");
    assert_true(ground.loaded && ground.receiver.grpc.present);
    assert_true(str_eq(ground.receiver.grpc.endpoint, STR("localhost:4317")));
    assert_int_equal(ground.receiver.timeout, INT64_C(5000000000));
    assert_int_equal(ground.receiver.names.count, 2);
    assert_string_equal(ground.receiver.names.items[1].ptr, "b");
    drop(&ground);
}

static void test_every_mistake_is_named(void **state)
{
    (void)state;
    Ground ground;
    load(&ground,
         "tiemout: 3s\ndeadline: 2h\ngrpc: { endpoint: nowhere }\ntls: {}\nnames: [x, []]\n");
    assert_false(ground.loaded);
    assert_string_equal(
        ground.said.ptr,
        "a.yaml:1:1: tiemout: unknown key; did you mean \"timeout\"\n"
        "a.yaml:2:1: warning: timeout: \"deadline\" is an older name of \"timeout\"\n"
        "a.yaml:2:11: timeout: must be between 1ms and 1h, not '2h'\n"
        "a.yaml:3:19: grpc.endpoint: must be host:port, such as localhost:4317, not 'nowhere'\n"
        "a.yaml:4:1: tls: TLS: not supported yet; it comes later\n"
        "a.yaml:5:12: names[1]: must be text, not a list\n");
    drop(&ground);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_presets),
        cmocka_unit_test(test_every_mistake_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
