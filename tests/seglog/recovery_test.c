/* Opening after anything may have happened to the files: torn, flipped, truncated, foreign,
 * poisoned. The rule throughout: never wrong data, never a crash, never a byte of evidence deleted.
 */
#include "seglog/log_helper.h"
#include "support/starve.h"

#include "base/disk.h"
#include "base/random.h"
#include "seglog/wal_frame.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FRAMES = 5, SEGMENT_MAX = 8192 };

static const char *const texts[FRAMES] = { "alpha", "beta, a little longer", "gamma", "delta",
                                           "epsilon" };
static const char segment_path[] = "data/traces/00000000000000000001.wal";

/* One segment with FRAMES frames, written by the log itself. */
static Buf small_segment(void)
{
    Rig rig;
    rig_init(&rig, SEGLOG_SYNC_ALWAYS, 1);
    assert_true(rig_open(&rig));
    for (int i = 0; i < FRAMES; i++)
        assert_true(rig_append(&rig, texts[i]));
    assert_true(rig_close(&rig));
    Buf bytes = BUF(SEGMENT_MAX);
    assert_true(test_disk_get(rig.disk, segment_path, &bytes));
    rig_done(&rig);
    return bytes;
}

static void rig_with(Rig *rig, Str bytes)
{
    rig_init(rig, SEGLOG_SYNC_ALWAYS, 1);
    assert_true(
        rig->settings.disk->make_directory(rig->settings.disk, rig->settings.directory, &rig->err));
    test_disk_put(rig->disk, segment_path, bytes);
}

static Rig starved;

static void open_starved(void)
{
    if (rig_open(&starved))
        assert_true(rig_close(&starved));
    else
        assert_int_equal(starved.err.kind, ERR_MEMORY);
}

/* Names, copies and frames are read into memory that may not be there. */
static void opening_without_memory_is_refused_and_damages_nothing(void **state)
{
    (void)state;
    Buf bytes = small_segment();
    rig_with(&starved, buf_str(&bytes));
    test_disk_put(starved.disk, "data/traces/00000000000000000009.wal.tmp", buf_str(&bytes));
    test_disk_put(starved.disk, "data/traces/00000000000000000007.poison", STR("x"));
    assert_true(starve_every(open_starved) > 0);
    assert_true(rig_open(&starved));
    assert_int_equal(starved.replays.count, FRAMES);
    rig_done(&starved);
    buf_free(&bytes);
}

/* What was replayed is what was once written, each at most once and in order. */
static void assert_nothing_invented(const Rig *rig)
{
    int next = 0;
    for (size_t i = 0; i < rig->replays.count; i++) {
        while (next < FRAMES && strcmp(texts[next], rig->replays.at[i].text) != 0)
            next++;
        assert_true(next < FRAMES);
        assert_int_equal(rig->replays.at[i].sequence, next + 1);
        next++;
    }
}

static void assert_works_on(Rig *rig)
{
    size_t before = rig->replays.count;
    assert_true(rig_append(rig, "new"));
    assert_true(rig_close(rig));
    assert_true(rig_open(rig));
    assert_int_equal(rig->replays.count, before + 1);
    assert_string_equal(rig->replays.at[before].text, "new");
    SeglogStats stats = rig_stats(rig);
    assert_int_equal(stats.torn_tails + stats.damaged_segments, 0); /* mended once, for good */
}

static void a_tail_torn_at_any_byte_is_cut(void **state)
{
    (void)state;
    Buf bytes = small_segment();
    size_t size = bytes.len, torn = 0;
    for (size_t cut = 0; cut < size; cut++) {
        Rig rig;
        rig_with(&rig, str_first(buf_str(&bytes), cut));
        assert_true(rig_open(&rig));
        assert_nothing_invented(&rig);
        size_t whole = 0;
        for (size_t at = WAL_SEGMENT_HEADER; whole < FRAMES; whole++) {
            at += (size_t)wal_frame_size(strlen("anybody"), strlen(texts[whole]));
            if (at > cut)
                break;
        }
        assert_int_equal(rig.replays.count, whole);
        SeglogStats stats = rig_stats(&rig);
        torn += stats.torn_tails;
        assert_int_equal(stats.damaged_segments, 0);
        assert_null(test_disk_name(rig.disk, ".corrupt", 0));
        assert_works_on(&rig);
        rig_done(&rig);
    }
    printf("counts: %zu cuts of a segment, %zu torn tails\n", size, torn);
    assert_true(torn > size / 2);
    buf_free(&bytes);
}

/* A byte that flips costs at most the frame it is in, and is noticed wherever it is. */
static void a_flip_at_any_byte_costs_one_frame(void **state)
{
    (void)state;
    Buf bytes = small_segment();
    size_t last = bytes.len - (size_t)wal_frame_size(strlen("anybody"), strlen(texts[FRAMES - 1]));
    size_t aside = 0, flips = 0;
    for (size_t at = 0; at < bytes.len; at++) {
        for (int bit = 0; bit < 8; bit += 7, flips++) {
            bytes.ptr[at] = (char)(bytes.ptr[at] ^ (1 << bit));
            Rig rig;
            rig_with(&rig, buf_str(&bytes));
            assert_true(rig_open(&rig));
            assert_nothing_invented(&rig);
            SeglogStats stats = rig_stats(&rig);
            bool in_header = at < WAL_SEGMENT_HEADER;
            assert_int_equal(rig.replays.count, FRAMES - !in_header);
            assert_int_equal(stats.torn_tails, at >= last);
            assert_int_equal(stats.damaged_segments, at < last);
            const char *evidence = test_disk_name(rig.disk, ".corrupt", 0);
            assert_true((evidence != NULL) == (at < last));
            if (evidence) {
                Buf kept = BUF(SEGMENT_MAX);
                assert_true(test_disk_get(rig.disk, evidence, &kept));
                assert_true(str_eq(buf_str(&kept), buf_str(&bytes)));
                buf_free(&kept);
                aside++;
            }
            assert_works_on(&rig);
            rig_done(&rig);
            bytes.ptr[at] = (char)(bytes.ptr[at] ^ (1 << bit));
        }
    }
    printf("counts: %zu flips in a segment, %zu segments set aside, no wrong data\n", flips, aside);
    buf_free(&bytes);
}

/* A run of bytes anywhere becomes zero or garbage. */
static void ranges_of_garbage_cost_what_they_touch(void **state)
{
    (void)state;
    Buf bytes = small_segment();
    Random random;
    random_seed(&random, 7);
    for (int round = 0; round < 500; round++) {
        Buf copy = BUF(SEGMENT_MAX);
        buf_add(&copy, buf_str(&bytes));
        size_t from = random_below(&random, copy.len);
        size_t len = 1 + random_below(&random, copy.len - from);
        if (round % 2)
            memset(copy.ptr + from, 0, len);
        else
            random_fill(&random, copy.ptr + from, len);
        Rig rig;
        rig_with(&rig, buf_str(&copy));
        assert_true(rig_open(&rig));
        assert_nothing_invented(&rig);
        assert_works_on(&rig);
        rig_done(&rig);
        buf_free(&copy);
    }
    buf_free(&bytes);
}

static void a_torn_tail_in_an_older_segment_is_evidence(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig, SEGLOG_SYNC_ALWAYS, 1);
    assert_true(rig_open(&rig) && rig_append(&rig, "one") && rig_append(&rig, "two") &&
                rig_close(&rig));
    assert_true(rig_open(&rig) && rig_append(&rig, "three") && rig_close(&rig));
    Buf bytes = BUF(SEGMENT_MAX);
    assert_true(test_disk_get(rig.disk, segment_path, &bytes));
    test_disk_put(rig.disk, segment_path, str_first(buf_str(&bytes), bytes.len - 1));
    assert_true(rig_open(&rig));
    assert_int_equal(rig.replays.count, 2);
    assert_true(rig_has(&rig, "one") && rig_has(&rig, "three"));
    assert_int_equal(rig_stats(&rig).damaged_segments, 1);
    assert_non_null(test_disk_name(rig.disk, ".wal.corrupt", 0));
    buf_free(&bytes);
    rig_done(&rig);
}

/* Somebody stores a segment file as a payload, and the frame around it is damaged: what is inside
 * does not become frames. */
static void a_payload_that_looks_like_frames_is_none(void **state)
{
    (void)state;
    Buf inner = small_segment();
    Rig rig;
    rig_init(&rig, SEGLOG_SYNC_ALWAYS, 1);
    assert_true(rig_open(&rig));
    Buf padded = BUF(SEGMENT_MAX);
    buf_add(&padded, STR("0123456789012")); /* 44 + 7 + 13 = 64: aligned like a file of its own */
    buf_add(&padded, buf_str(&inner));
    Wish wish = { 0 };
    assert_true(wish_append_bytes(&rig, &wish, buf_str(&padded)));
    rig_run(&rig);
    assert_true(wish.ok && rig_append(&rig, "behind it"));
    assert_true(rig_close(&rig));
    Buf bytes = BUF(4 * SEGMENT_MAX);
    assert_true(test_disk_get(rig.disk, segment_path, &bytes));
    bytes.ptr[WAL_SEGMENT_HEADER + 20] ^= 1; /* in the frame's header: its length is lost */
    test_disk_put(rig.disk, segment_path, buf_str(&bytes));
    assert_true(rig_open(&rig));
    assert_int_equal(rig.replays.count, 1);
    assert_true(rig_has(&rig, "behind it"));
    buf_free(&bytes);
    buf_free(&padded);
    buf_free(&inner);
    rig_done(&rig);
}

static void empty_foreign_and_newer_files(void **state)
{
    (void)state;
    Rig rig;
    rig_with(&rig, (Str){ 0 });
    test_disk_put(rig.disk, "data/traces/notes.txt", STR("not ours"));
    test_disk_put(rig.disk, "data/traces/1.wal", STR("not our name"));
    test_disk_put(rig.disk, "data/traces/00000000000000000000.wal", STR("nor this"));
    test_disk_put(rig.disk, "data/traces/x0000000000000000001.wal", STR("nor this"));
    test_disk_put(rig.disk, "data/traces/04611686018427387904.wal", STR("nor this"));
    test_disk_put(rig.disk, "data/traces/00000000000000000002.wal",
                  STR("a text that is no segment, and longer than a header is, so it is kept"));
    assert_true(rig_open(&rig));
    assert_int_equal(rig.replays.count, 0);
    assert_int_equal(rig_stats(&rig).damaged_segments, 1);
    assert_non_null(test_disk_name(rig.disk, "02.wal.corrupt", 0));
    assert_non_null(test_disk_name(rig.disk, "notes.txt", 0));
    assert_true(rig_append(&rig, "fine") && rig_close(&rig));
    WalSegment newer = { .version = WAL_FORMAT + 1, .salt = 1, .first_sequence = 90 };
    uint8_t header[WAL_SEGMENT_HEADER];
    wal_segment_write(header, &newer);
    test_disk_put(rig.disk, "data/traces/00000000000000000090.wal",
                  (Str){ (const char *)header, sizeof header });
    assert_false(rig_open(&rig));
    assert_int_equal(rig.err.kind, ERR_UNSUPPORTED);
    assert_non_null(strstr(rig.err.text,
                           "00000000000000000090.wal is of format 2, newer than the 1 "
                           "that this cryostorm reads: start the one that wrote it"));
    assert_null(test_disk_name(rig.disk, "replaying", 0));
    Buf after = BUF(SEGMENT_MAX);
    assert_true(test_disk_get(rig.disk, "data/traces/00000000000000000090.wal", &after));
    assert_true(str_eq(buf_str(&after), (Str){ (const char *)header, sizeof header }));
    buf_free(&after);
    rig_done(&rig);
}

/* The marker of a replay that ended the process, as the disk might give it back. */
static void a_flip_at_any_bit_of_the_marker_passes_over_nothing(void **state)
{
    (void)state;
    static const char path[] = "data/traces/replaying";
    Rig rig;
    Buf marker = BUF(256);
    rig_init(&rig, SEGLOG_SYNC_ALWAYS, 1);
    assert_true(rig_open(&rig) && rig_append(&rig, "good") && rig_close(&rig));
    test_disk_fail(rig.disk, (DiskFault){ CALL_TRUNCATE | CALL_REMOVE, 0, EIO, true });
    assert_true(rig_open(&rig)); /* its marker stays */
    rig_crash(&rig, CRASH_KILL);
    test_disk_fail(rig.disk, (DiskFault){ .after = -1 });
    assert_true(test_disk_get(rig.disk, path, &marker) && marker.len > 20);
    for (size_t bit = 0; bit < 8 * marker.len; bit++) {
        marker.ptr[bit / 8] ^= (char)(1 << bit % 8);
        test_disk_put(rig.disk, path, buf_str(&marker));
        assert_true(rig_open(&rig) && rig_has(&rig, "good") && rig_close(&rig));
        marker.ptr[bit / 8] ^= (char)(1 << bit % 8);
    }
    buf_free(&marker);
    rig_done(&rig);
}

/* Found by the simulator: files that could not be closed left the marker behind, and an opening
 * that failed for that looked like a frame that ends the process. */
static void failing_to_close_poisons_nothing(void **state)
{
    (void)state;
    for (long after = 0; after < 4; after++) {
        Rig rig;
        rig_init(&rig, SEGLOG_SYNC_ALWAYS, 1);
        assert_true(rig_open(&rig) && rig_append(&rig, "good") && rig_close(&rig));
        for (int i = 0; i < 3; i++) {
            test_disk_fail(rig.disk, (DiskFault){ CALL_CLOSE, after, EIO, true });
            if (rig_open(&rig))
                rig_crash(&rig, CRASH_KILL);
            test_disk_fail(rig.disk, (DiskFault){ .after = -1 });
        }
        assert_true(rig_open(&rig) && rig_has(&rig, "good"));
        assert_null(test_disk_name(rig.disk, ".poison", 0));
        rig_done(&rig);
    }
}

/* Found by the simulator: what a killed process had not synced was served by the next one, and lost
 * in a power cut any time later. */
static void what_a_killed_process_wrote_is_synced_by_the_next(void **state)
{
    (void)state;
    Rig rig;
    rig_init(&rig, SEGLOG_SYNC_SECOND, 1);
    assert_true(rig_open(&rig) && rig_append(&rig, "synced") && rig_append(&rig, "written"));
    rig_crash(&rig, CRASH_KILL);
    assert_true(rig_open(&rig) && rig_has(&rig, "written"));
    rig_crash(&rig, CRASH_CUT);
    assert_true(rig_open(&rig) && rig_has(&rig, "written"));
    rig_done(&rig);
}

/* The n-th call fails while a damaged segment is being set aside, then the power goes: the next
 * opening finds every good frame, and the evidence or the original. */
static void setting_aside_survives_a_crash_at_every_call(void **state)
{
    (void)state;
    Buf bytes = small_segment();
    bytes.ptr[200] ^= 1;
    long n = 0;
    for (bool done = false; !done; n++) {
        for (int how = CRASH_CUT; how <= CRASH_TEAR; how++) {
            Rig rig;
            rig_with(&rig, buf_str(&bytes));
            test_disk_fail(rig.disk, (DiskFault){ CALL_ANY, n, 5, true });
            bool opened = rig_open(&rig);
            done = !test_disk_failed(rig.disk);
            test_disk_fail(rig.disk, (DiskFault){ .after = -1 });
            if (opened)
                assert_nothing_invented(&rig);
            rig_crash(&rig, how == CRASH_CUT ? CRASH_CUT : CRASH_TEAR);
            assert_true(rig_open(&rig));
            assert_int_equal(rig.replays.count, FRAMES - 1);
            assert_nothing_invented(&rig);
            assert_non_null(test_disk_name(rig.disk, ".wal.corrupt", 0));
            assert_works_on(&rig);
            rig_done(&rig);
        }
    }
    printf("counts: setting aside survives a crash at each of %ld calls\n", n - 1);
    assert_true(n > 10);
    buf_free(&bytes);
}

/* A copy whose original has gone takes its place, one beside it goes; at whatever call it ends. */
static void copies_are_settled_at_whatever_call_it_ends(void **state)
{
    (void)state;
    static const char copy_path[] = "data/traces/00000000000000000001.wal.tmp";
    Buf bytes = small_segment();
    for (int alone = 0; alone < 2; alone++) {
        long n = 0;
        for (bool done = false; !done; n++) {
            Rig rig;
            rig_with(&rig, buf_str(&bytes));
            test_disk_put(rig.disk, copy_path, alone ? buf_str(&bytes) : STR("half"));
            if (alone)
                assert_true(rig.settings.disk->remove(rig.settings.disk, segment_path, &rig.err));
            test_disk_fail(rig.disk, (DiskFault){ CALL_ANY, n, EIO, true });
            (void)rig_open(&rig);
            done = !test_disk_failed(rig.disk);
            test_disk_fail(rig.disk, (DiskFault){ .after = -1 });
            rig_crash(&rig, CRASH_TEAR);
            assert_true(rig_open(&rig));
            assert_int_equal(rig.replays.count, FRAMES);
            assert_null(test_disk_name(rig.disk, ".wal.tmp", 0));
            assert_works_on(&rig);
            rig_done(&rig);
        }
        assert_true(n > 10);
    }
    buf_free(&bytes);
}

/* Evidence is never overwritten: there are nine names for it, and then the file stays as it is. */
static void evidence_is_kept_nine_times(void **state)
{
    (void)state;
    Rig rig;
    Buf kept = BUF(1000);
    char text[100];
    rig_with(&rig, STR(""));
    for (int i = 1; i <= 10; i++) {
        snprintf(text, sizeof text, "damage %d, no segment, and longer than its header %030d", i,
                 0);
        test_disk_put(rig.disk, segment_path, str_from(text));
        assert_true(rig_open(&rig));
        assert_int_equal(rig_stats(&rig).damaged_segments, 1);
        assert_true(rig_close(&rig));
    }
    assert_true(test_disk_get(rig.disk, segment_path, &kept));
    assert_true(str_eq(buf_str(&kept), str_from(text)));
    buf_clear(&kept);
    assert_true(test_disk_get(rig.disk, "data/traces/00000000000000000001.wal.corrupt", &kept));
    assert_true(str_starts(buf_str(&kept), STR("damage 1,")));
    buf_clear(&kept);
    assert_true(test_disk_get(rig.disk, "data/traces/00000000000000000001.wal.corrupt9", &kept));
    assert_true(str_starts(buf_str(&kept), STR("damage 9,")));
    buf_free(&kept);
    rig_done(&rig);
}

/* The same for a torn tail: it is cut for good, or the opening fails and the next one cuts it. */
static void cutting_a_tail_survives_a_crash_at_every_call(void **state)
{
    (void)state;
    Buf bytes = small_segment();
    long n = 0;
    for (bool done = false; !done; n++) {
        for (int for_good = 0; for_good < 2; for_good++) {
            Rig rig;
            rig_with(&rig, str_first(buf_str(&bytes), bytes.len - 3));
            test_disk_fail(rig.disk, (DiskFault){ CALL_ANY, n, EIO, for_good });
            bool opened = rig_open(&rig);
            done = !test_disk_failed(rig.disk);
            test_disk_fail(rig.disk, (DiskFault){ .after = -1 });
            if (opened &&
                !rig_stats(&rig).damaged_segments) /* which is said if it cannot be read */
                assert_int_equal(rig.replays.count, FRAMES - 1);
            rig_crash(&rig, CRASH_TEAR);
            assert_true(rig_open(&rig));
            assert_int_equal(rig.replays.count, FRAMES - 1);
            assert_nothing_invented(&rig);
            assert_works_on(&rig);
            rig_done(&rig);
        }
    }
    assert_true(n > 10);
    buf_free(&bytes);
}

static void a_refused_replay_fails_the_opening_and_is_no_poison(void **state)
{
    (void)state;
    Buf bytes = small_segment();
    Rig rig;
    rig_with(&rig, buf_str(&bytes));
    for (int i = 0; i < 4; i++) {
        rig.replays.refuse_after = 2;
        assert_false(rig_open(&rig));
        assert_int_equal(rig.err.kind, ERR_MEMORY);
        assert_non_null(strstr(rig.err.text, "replaying frame 3"));
    }
    rig.replays.refuse_after = -1;
    assert_true(rig_open(&rig));
    assert_int_equal(rig.replays.count, FRAMES);
    buf_free(&bytes);
    rig_done(&rig);
}

/* ---- poison: real processes that really end ----------------------------------------------------
 */

static bool die_at_gamma(void *context, const SeglogFrame *frame, Err *err)
{
    (void)err;
    (void)context;
    if (str_eq(frame->payload, STR("gamma")))
        _exit(42);
    return true;
}

static SeglogStats found_by_child;

/* 42: the replay ended the process; 0: it opened, and wrote its statistics through the pipe. */
static int open_in_child(const char *directory)
{
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        SeglogSettings settings = seglog_defaults();
        settings.directory = directory;
        settings.own_thread = false;
        SeglogListener listener = { .replay = die_at_gamma };
        Err err;
        Seglog *log = seglog_open(&settings, &listener, &err);
        SeglogStats stats;
        if (!log)
            _exit(1);
        seglog_stats(log, &stats);
        _exit(write(pipes[1], &stats, sizeof stats) == (ssize_t)sizeof stats ? 0 : 2);
    }
    close(pipes[1]);
    bool got =
        read(pipes[0], &found_by_child, sizeof found_by_child) == (ssize_t)sizeof found_by_child;
    close(pipes[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && got == (WEXITSTATUS(status) == 0));
    return WEXITSTATUS(status);
}

static bool remove_each(void *context, Str name)
{
    char path[512];
    Err err;
    snprintf(path, sizeof path, "%s/%.*s", (const char *)context, STR_ARG(name));
    return disk_system()->remove(disk_system(), path, &err);
}

static void a_frame_that_ends_the_process_twice_is_passed_over(void **state)
{
    (void)state;
    char directory[] = "/tmp/seglog_poison_XXXXXX", path[512];
    assert_non_null(mkdtemp(directory));
    Buf bytes = small_segment();
    Err err;
    snprintf(path, sizeof path, "%s/00000000000000000001.wal", directory);
    File *file = disk_open(disk_system(), path, DISK_CREATE, &err);
    assert_true(file && file_write(file, 0, bytes.ptr, bytes.len, &err) && file_close(file, &err));
    assert_int_equal(open_in_child(directory), 42);
    assert_int_equal(open_in_child(directory), 42);
    for (int i = 0; i < 2; i++) { /* from now on, every time */
        assert_int_equal(open_in_child(directory), 0);
        assert_int_equal(found_by_child.poison_frames, 1);
        assert_int_equal(found_by_child.frames_replayed, FRAMES - 1);
    }
    DiskInfo info;
    snprintf(path, sizeof path, "%s/00000000000000000003.poison", directory);
    assert_true(disk_system()->info(disk_system(), path, &info, &err) && info.exists);
    assert_int_equal(info.size, wal_frame_size(strlen("anybody"), strlen("gamma")));
    assert_true(disk_system()->list(disk_system(), directory, remove_each, directory, &err));
    rmdir(directory);
    buf_free(&bytes);
}

/* On a disk that keeps the marker of two replays which looked as if they had ended the process. */
static void rig_with_suspect(Rig *rig)
{
    rig_init(rig, SEGLOG_SYNC_ALWAYS, 1);
    assert_true(rig_open(rig) && rig_append(rig, "suspect") && rig_close(rig));
    for (int i = 0; i < 2; i++) {
        test_disk_fail(rig->disk, (DiskFault){ CALL_TRUNCATE | CALL_REMOVE, 0, EIO, true });
        assert_true(rig_open(rig) && rig_has(rig, "suspect"));
        rig_crash(rig, CRASH_KILL);
        test_disk_fail(rig->disk, (DiskFault){ .after = -1 });
    }
}

/* Its bytes stay, it is passed over every time, and its number is not given away again, not even
 * when its segment has gone. */
static void a_poisoned_frame_keeps_its_number(void **state)
{
    (void)state;
    Rig rig;
    rig_with_suspect(&rig);
    for (int i = 0; i < 2; i++) {
        assert_true(rig_open(&rig));
        assert_false(rig_has(&rig, "suspect"));
        assert_int_equal(rig_stats(&rig).poison_frames, 1);
        assert_true(rig_close(&rig));
    }
    assert_string_equal(test_disk_name(rig.disk, ".poison", 0),
                        "data/traces/00000000000000000001.poison");
    assert_true(rig.settings.disk->remove(rig.settings.disk, segment_path, &rig.err));
    assert_true(rig_open(&rig));
    Wish wish;
    assert_true(wish_append(&rig, &wish, "next"));
    rig_run(&rig);
    assert_true(wish.ok);
    assert_int_equal(wish.sequence, 2);
    rig_done(&rig);
}

static void any_number_of_poisoned_frames_is_counted(void **state)
{
    (void)state;
    Rig rig;
    rig_with(&rig, STR(""));
    for (int i = 100; i < 300; i++) {
        char path[100];
        snprintf(path, sizeof path, "data/traces/%020d.poison", i);
        test_disk_put(rig.disk, path, STR("x"));
    }
    assert_true(rig_open(&rig));
    Wish wish;
    assert_true(wish_append(&rig, &wish, "next"));
    rig_run(&rig);
    assert_int_equal(wish.sequence, 300);
    rig_done(&rig);
}

/* A disk that fails just then: the frame is passed over now, and what is lost of it is the copy. */
static void poison_that_cannot_be_kept_is_passed_over(void **state)
{
    (void)state;
    bool done = false;
    long n = 0, passed = 0;
    for (; !done; n++) {
        Rig rig;
        rig_with_suspect(&rig);
        test_disk_fail(rig.disk, (DiskFault){ CALL_ANY, n, EIO, false });
        bool opened = rig_open(&rig);
        done = !test_disk_failed(rig.disk);
        test_disk_fail(rig.disk, (DiskFault){ .after = -1 });
        if (opened && !rig_stats(&rig).damaged_segments) { /* which is said if it cannot be read */
            bool has = rig_has(&rig, "suspect");
            assert_int_equal(rig_stats(&rig).poison_frames, !has);
            passed += !has;
        }
        rig_crash(&rig, CRASH_KILL);
        assert_true(rig_open(&rig));
        assert_non_null(test_disk_name(rig.disk, ".wal", 0)); /* the frame itself stays */
        rig_done(&rig);
    }
    assert_true(n > 10 && passed > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_without_memory_is_refused_and_damages_nothing),
        cmocka_unit_test(a_tail_torn_at_any_byte_is_cut),
        cmocka_unit_test(a_flip_at_any_byte_costs_one_frame),
        cmocka_unit_test(ranges_of_garbage_cost_what_they_touch),
        cmocka_unit_test(a_torn_tail_in_an_older_segment_is_evidence),
        cmocka_unit_test(a_payload_that_looks_like_frames_is_none),
        cmocka_unit_test(empty_foreign_and_newer_files),
        cmocka_unit_test(what_a_killed_process_wrote_is_synced_by_the_next),
        cmocka_unit_test(a_flip_at_any_bit_of_the_marker_passes_over_nothing),
        cmocka_unit_test(failing_to_close_poisons_nothing),
        cmocka_unit_test(setting_aside_survives_a_crash_at_every_call),
        cmocka_unit_test(copies_are_settled_at_whatever_call_it_ends),
        cmocka_unit_test(evidence_is_kept_nine_times),
        cmocka_unit_test(any_number_of_poisoned_frames_is_counted),
        cmocka_unit_test(cutting_a_tail_survives_a_crash_at_every_call),
        cmocka_unit_test(a_refused_replay_fails_the_opening_and_is_no_poison),
        cmocka_unit_test(a_frame_that_ends_the_process_twice_is_passed_over),
        cmocka_unit_test(a_poisoned_frame_keeps_its_number),
        cmocka_unit_test(poison_that_cannot_be_kept_is_passed_over),
    };
    return cmocka_run_group_tests_name("recovery", tests, NULL, NULL);
}
