/* Servers and clients on a path: whose file it is, who may listen there, and what stays behind. */
#include "net/unix_listener_internal.h"

#include "base/thread.h"
#include "net/tls_world.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
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

static int bind_by_hand(void)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    memcpy(un.sun_path, path, sizeof path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&un, sizeof un), 0);
    return fd;
}

static void leave_a_dead_socket(void)
{
    close(bind_by_hand());
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
    world_open_real();
    Server *server = server_at(path, false, &err);
    assert_non_null(server);
    assert_null(server_at(path, false, &err));
    assert_non_null(strstr(err.text, "somebody listens there already"));
    server_free(server);
    int fd = bind_by_hand(); /* as another process would */
    assert_int_equal(listen(fd, 1), 0);
    assert_null(server_at(path, true, &err));
    assert_non_null(strstr(err.text, "somebody listens there already"));
    assert_true(exists());
    close(fd);
    unlink(path);
    world_close();
}

/* ---- two at once ---- */

static Address address_here(void)
{
    Address address;
    Err err = { 0 };
    assert_true(address_from_path(&address, str_from(path), &err));
    return address;
}

static void listen_elsewhere(void *result)
{
    const Address address = address_here();
    *(int *)result = unix_listen(&address, (ListenOptions){ .backlog = 1 });
}

static int lock_folder(void)
{
    int lock = open(folder, O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    return lock;
}

/* Between its bind() and its listen() the first refuses as a dead one does. */
static void whoever_is_about_to_listen_is_not_removed(void **state)
{
    (void)state;
    Err err = { 0 };
    Thread second = { 0 };
    struct stat before, after;
    int result = 0;
    int lock = lock_folder(), first = bind_by_hand();
    assert_int_equal(stat(path, &before), 0);
    assert_true(thread_start(&second, "second", listen_elsewhere, &result, &err));
    clock_sleep_ns(100 * NANOS_PER_MILLI); /* it has looked by now */
    assert_int_equal(listen(first, 1), 0);
    close(lock);
    thread_join(&second);
    assert_int_equal(result, -EADDRINUSE);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    close(first);
    unlink(path);
}

static void a_directory_that_stays_locked_is_said(void **state)
{
    (void)state;
    Err err = { 0 };
    world_open_real();
    int lock = lock_folder();
    assert_null(server_at(path, false, &err));
    assert_non_null(strstr(err.text, "another process keeps its directory locked"));
    assert_false(exists());
    close(lock);
    world_close();
}

enum { STARTERS = 8, ROUNDS = 20 };

/* What a process that starts does, once `go` ends: says '1' when it listens, and does so until
 * `leave` ends. */
static void be_a_starter(int go, int said, int leave)
{
    char byte;
    const Address address = address_here();
    (void)!read(go, &byte, 1);
    int fd = unix_listen(&address, (ListenOptions){ .backlog = 2 * STARTERS });
    (void)!write(said, fd >= 0 ? "1" : fd == -EADDRINUSE ? "0" : "?", 1);
    (void)!read(leave, &byte, 1);
    _exit(0);
}

static void start_together(void)
{
    int go[2], said[2], leave[2], winners = 0;
    pid_t pids[STARTERS];
    assert_true(!pipe(go) && !pipe(said) && !pipe(leave));
    for (int i = 0; i < STARTERS; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            close(go[1]);
            close(leave[1]);
            be_a_starter(go[0], said[1], leave[0]);
        }
        assert_true(pids[i] > 0);
    }
    close(go[1]);
    for (int i = 0; i < STARTERS; i++) {
        char answer = 0;
        assert_int_equal(read(said[0], &answer, 1), 1);
        assert_int_not_equal(answer, '?');
        winners += answer == '1';
    }
    assert_int_equal(winners, 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    const Address address = address_here(); /* and it is the one that is reached */
    assert_int_equal(connect(fd, (const struct sockaddr *)&address.os, address.len), 0);
    close(fd);
    close(leave[1]);
    for (int i = 0; i < STARTERS; i++)
        assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
    const int rest[] = { go[0], said[0], said[1], leave[0] };
    for (size_t i = 0; i < COUNT_OF(rest); i++)
        close(rest[i]);
}

static void of_many_that_start_at_once_one_listens(void **state)
{
    (void)state;
    leave_a_dead_socket();
    for (int i = 0; i < ROUNDS; i++)
        start_together(); /* each round leaves a dead one to the next */
    unlink(path);
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
        cmocka_unit_test(whoever_is_about_to_listen_is_not_removed),
        cmocka_unit_test(a_directory_that_stays_locked_is_said),
        cmocka_unit_test(of_many_that_start_at_once_one_listens),
        cmocka_unit_test(a_file_that_is_no_socket_stays),
        cmocka_unit_test(shards_share_a_path_and_the_last_removes_it),
        cmocka_unit_test(a_file_of_somebody_elses_is_not_removed),
        cmocka_unit_test(a_path_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, make_all, remove_all);
}
