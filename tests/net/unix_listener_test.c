/* Servers and clients on a path: whose file it is, who may listen there, and what stays behind. */
#include "net/unix_listener_internal.h"

#include "net/tls_world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/cryostorm_unix_XXXXXX";
static char path[64], endpoint[80];

static int exists(void)
{
    struct stat info;
    return stat(path, &info) == 0;
}

static Server *server_at(const char *where, bool reuse_port, Err *err)
{
    const ServerSettings settings = { .loop = world.loop,
                                      .endpoint = str_from(where),
                                      .reuse_port = reuse_port,
                                      .check_host = true };
    Server *server = server_new(&settings, err);
    assert_non_null(server);
    if (server_listen(server, err))
        return server;
    server_free(server);
    return NULL;
}

static void open_clients_on_path(void)
{
    Err err = { 0 };
    const GrpcClientSettings grpc = { .loop = world.loop, .endpoint = str_from(endpoint) };
    const HttpClientSettings http = { .loop = world.loop, .url = str_from(endpoint) };
    world.grpc = grpc_client_new(&grpc, &err);
    world.http = http_client_new(&http, &err);
    assert_true(world.grpc && world.http);
}

static void both_clients_reach_a_server_on_a_path(void **state)
{
    (void)state;
    struct stat info;
    char text[ADDRESS_TEXT_SIZE], expected[80];
    world_open_real();
    world_open_server_at(endpoint, true, NULL);
    open_clients_on_path();
    world_must_answer(BY_GRPC, 1000);
    world_must_answer(BY_HTTP, 100000);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    Address address = server_address(world.server);
    snprintf(expected, sizeof expected, "unix:%s", path);
    assert_string_equal(address_text(&address, text), expected);
    assert_true(address_is_loopback(&address));
    world_close();
    assert_false(exists());
}

static void tls_works_on_a_path(void **state)
{
    (void)state;
    Err err = { 0 };
    world_open_real();
    TlsOptions server = world_server_options(&good), client = world_client_options();
    world_open_server_at(endpoint, true, &server);
    world.client_tls = tls_context_new(&client, &err);
    const HttpClientSettings http = { .loop = world.loop,
                                      .url = str_from(endpoint),
                                      .tls = world.client_tls };
    world.http = http_client_new(&http, &err);
    assert_non_null(world.http);
    world_must_answer(BY_HTTP, 1000); /* as localhost */
    world_close();
}

static void nobody_there_is_an_error_with_the_path(void **state)
{
    (void)state;
    world_open_real();
    open_clients_on_path();
    world_must_fail(BY_GRPC, endpoint, "No such file");
    world_close();
}

static void every_way_of_writing_a_path_is_understood(void **state)
{
    (void)state;
    char schemeless[80];
    Err err = { 0 };
    world_open_real();
    snprintf(schemeless, sizeof schemeless, "unix:%s", path);
    const char *const ways[] = { path, endpoint, schemeless };
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        Server *server = server_at(ways[i], false, &err);
        assert_non_null(server);
        assert_true(exists());
        server_free(server);
        assert_false(exists());
    }
    world_close();
}

static void leave_a_dead_socket(void)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    memcpy(un.sun_path, path, sizeof path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&un, sizeof un), 0);
    close(fd);
    assert_true(exists());
}

static void what_a_dead_process_left_is_replaced(void **state)
{
    (void)state;
    Err err = { 0 };
    world_open_real();
    leave_a_dead_socket();
    Server *server = server_at(path, false, &err);
    assert_non_null(server);
    server_free(server);
    world_close();
}

static void where_somebody_listens_nobody_else_does(void **state)
{
    (void)state;
    Err err = { 0 };
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    world_open_real();
    Server *server = server_at(path, false, &err);
    assert_non_null(server);
    assert_null(server_at(path, false, &err));
    assert_non_null(strstr(err.text, "somebody listens there already"));
    server_free(server);
    memcpy(un.sun_path, path, sizeof path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0); /* as another process would */
    assert_int_equal(bind(fd, (const struct sockaddr *)&un, sizeof un), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_null(server_at(path, true, &err));
    assert_non_null(strstr(err.text, "somebody listens there already"));
    assert_true(exists());
    close(fd);
    unlink(path);
    world_close();
}

static void a_file_that_is_no_socket_stays(void **state)
{
    (void)state;
    Err err = { 0 };
    world_open_real();
    FILE *file = fopen(path, "w");
    assert_true(file && fclose(file) == 0);
    assert_null(server_at(path, false, &err));
    assert_non_null(strstr(err.text, "that file is no socket"));
    assert_true(exists());
    unlink(path);
    world_close();
}

static void shards_share_a_path_and_the_last_removes_it(void **state)
{
    (void)state;
    Err err = { 0 };
    world_open_real();
    Server *other = server_at(path, true, &err);
    assert_non_null(other);
    world_open_server_at(path, true, NULL);
    server_free(other);
    assert_true(exists());
    open_clients_on_path();
    world_must_answer(BY_GRPC, 10);
    world_close();
    assert_false(exists());
}

static void a_file_of_somebody_elses_is_not_removed(void **state)
{
    (void)state;
    Err err = { 0 };
    world_open_real();
    Server *server = server_at(path, false, &err);
    unlink(path);
    leave_a_dead_socket();
    server_free(server);
    assert_true(exists());
    unlink(path);
    world_close();
}

static void a_path_that_is_too_long_is_refused(void **state)
{
    (void)state;
    Err err = { 0 };
    char longest[200];
    memset(longest, 'a', sizeof longest);
    longest[0] = '/';
    longest[sizeof longest - 1] = 0;
    world_open_real();
    assert_null(server_at(longest, false, &err));
    assert_non_null(strstr(err.text, "1 to 107 bytes, not 199"));
    world_close();
}

static int make_all(void **state)
{
    (void)state;
    world_make_certs();
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/s", folder);
    snprintf(endpoint, sizeof endpoint, "unix://%s", path);
    return 0;
}

static int remove_all(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_clients_reach_a_server_on_a_path),
        cmocka_unit_test(tls_works_on_a_path),
        cmocka_unit_test(nobody_there_is_an_error_with_the_path),
        cmocka_unit_test(every_way_of_writing_a_path_is_understood),
        cmocka_unit_test(what_a_dead_process_left_is_replaced),
        cmocka_unit_test(where_somebody_listens_nobody_else_does),
        cmocka_unit_test(a_file_that_is_no_socket_stays),
        cmocka_unit_test(shards_share_a_path_and_the_last_removes_it),
        cmocka_unit_test(a_file_of_somebody_elses_is_not_removed),
        cmocka_unit_test(a_path_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, make_all, remove_all);
}
