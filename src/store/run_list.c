/* run_list.c - see run_list.h. */
#include "store/run_list.h"

#include "base/mem.h"

#include <string.h>

Piece *piece_ref(Piece *piece)
{
    refs_take(&piece->refs);
    return piece;
}

void piece_unref(Piece *piece)
{
    if (piece && refs_drop(&piece->refs))
        piece->kind->free_piece(piece);
}

static Run *run_ref(Run *run)
{
    refs_take(&run->refs);
    return run;
}

static void run_unref(Run *run)
{
    if (run && refs_drop(&run->refs))
        run->kind->free_run(run);
}

void run_list_init(RunList *list, const RunKind *kind)
{
    *list = (RunList){ .kind = kind };
    list->open_end = &list->open;
    mutex_init(&list->mutex);
}

static void free_pieces(Piece *piece)
{
    while (piece) {
        Piece *next = piece->next;
        piece_unref(piece);
        piece = next;
    }
}

void run_list_done(RunList *list)
{
    for (size_t i = 0; i < list->run_count; i++)
        run_unref(list->runs[i]);
    free_pieces(list->open);
    mem_free(list->runs);
    mutex_done(&list->mutex);
}

uint64_t run_list_memory(RunList *list)
{
    mutex_lock(&list->mutex);
    uint64_t memory = list->memory;
    mutex_unlock(&list->mutex);
    return memory;
}

uint64_t run_list_oldest(RunList *list)
{
    mutex_lock(&list->mutex);
    uint64_t segment = list->run_count ? list->runs[0]->segment
                       : list->open    ? list->open->segment
                                       : 0;
    mutex_unlock(&list->mutex);
    return segment;
}

static void note_oldest(int64_t *oldest, int64_t received_ns)
{
    if (!*oldest || received_ns < *oldest)
        *oldest = received_ns;
}

int64_t run_list_oldest_ns(RunList *list)
{
    int64_t oldest = 0;
    mutex_lock(&list->mutex);
    for (size_t i = 0; i < list->run_count; i++)
        note_oldest(&oldest, list->runs[i]->oldest_ns);
    for (const Piece *piece = list->open; piece; piece = piece->next)
        note_oldest(&oldest, piece->received_ns);
    mutex_unlock(&list->mutex);
    return oldest;
}

RunListNumbers run_list_numbers(RunList *list)
{
    mutex_lock(&list->mutex);
    RunListNumbers numbers = { list->rows, list->rows_dropped, list->items_refused };
    mutex_unlock(&list->mutex);
    return numbers;
}

bool within_deadline(Clock *clock, int64_t deadline_mono_ns, Err *err)
{
    if (!deadline_mono_ns || clock_mono_ns(clock) < deadline_mono_ns)
        return true;
    return fail(err, ERR_TIMEOUT, "the query took longer than it may");
}

/* ---- pieces become runs; all of it on the writer's thread, which alone changes the lists --------
 */

/* The first pieces of the list that belong to one segment; NULL without memory. */
static Piece **collect_open(const RunList *list, size_t *count)
{
    Err ignored;
    Piece **pieces = MEM_MAKE(Piece *, list->open_pieces, &ignored);
    *count = 0;
    for (Piece *piece = pieces ? list->open : NULL; piece; piece = piece->next) {
        if (piece->segment != list->open->segment)
            break;
        pieces[(*count)++] = piece;
    }
    return pieces;
}

static bool reserve_run(RunList *list)
{
    if (list->run_count < list->run_cap)
        return true;
    size_t cap = list->run_cap ? 2 * list->run_cap : 64;
    Run **grown = mem_grow(list->runs, cap * sizeof *grown);
    if (!grown)
        return false;
    list->runs = grown;
    list->run_cap = cap;
    return true;
}

/* The run takes the place of its pieces, which are the first of the list. */
static void publish(RunList *list, Run *run, size_t piece_count)
{
    Piece *leaving = list->open, **end = &leaving;
    mutex_lock(&list->mutex);
    if (!reserve_run(list)) {
        mutex_unlock(&list->mutex);
        run_unref(run);
        return;
    }
    for (size_t i = 0; i < piece_count; i++) {
        list->open_rows -= (*end)->count;
        list->memory -= (*end)->memory;
        end = &(*end)->next;
    }
    list->open = *end;
    *end = NULL;
    list->open_pieces -= piece_count;
    if (!list->open)
        list->open_end = &list->open;
    list->memory += run->memory;
    list->runs[list->run_count++] = run;
    mutex_unlock(&list->mutex);
    free_pieces(leaving);
}

static Run *make_run(const RunList *list, Piece *const *pieces, size_t count, Err *err)
{
    Run *run = list->kind->make(pieces, count, err);
    if (!run)
        return NULL;
    run->segment = pieces[0]->segment;
    for (size_t i = 0; i < count; i++)
        note_oldest(&run->oldest_ns, pieces[i]->received_ns);
    return run;
}

static void seal(RunList *list)
{
    Err ignored; /* no memory: they wait, and are found all the same */
    size_t count;
    Piece **pieces = collect_open(list, &count);
    Run *run = pieces ? make_run(list, pieces, count, &ignored) : NULL;
    if (run)
        publish(list, run, count);
    mem_free(pieces);
}

void run_list_add(RunList *list, Piece *piece)
{
    if (list->open && list->open->segment != piece->segment)
        seal(list);
    mutex_lock(&list->mutex);
    piece->next = NULL;
    *list->open_end = piece;
    list->open_end = &piece->next;
    list->open_pieces++;
    list->open_rows += piece->count;
    list->rows += piece->count;
    list->items_refused += piece->refused;
    list->memory += piece->memory;
    bool full = list->open_rows >= list->kind->rows;
    mutex_unlock(&list->mutex);
    if (full)
        seal(list);
}

/* ---- leaving -----------------------------------------------------------------------------------
 */

static void forget(RunList *list, size_t rows, size_t memory)
{
    list->rows -= rows;
    list->rows_dropped += rows;
    list->memory -= memory;
}

/* The mutex is held. What leaves is handed back, to be freed without it. */
static Piece *take_pieces_of(RunList *list, uint64_t segment)
{
    Piece *leaving = NULL;
    list->open_end = &list->open;
    while (*list->open_end) {
        Piece *piece = *list->open_end;
        if (piece->segment != segment) {
            list->open_end = &piece->next;
            continue;
        }
        *list->open_end = piece->next;
        piece->next = leaving;
        leaving = piece;
        list->open_pieces--;
        list->open_rows -= piece->count;
        forget(list, piece->count, piece->memory);
    }
    return leaving;
}

/* One run of the segment, or NULL. The mutex is held. */
static Run *take_run_of(RunList *list, uint64_t segment)
{
    for (size_t i = 0; i < list->run_count; i++) {
        Run *run = list->runs[i];
        if (run->segment != segment)
            continue;
        list->run_count--;
        memmove(list->runs + i, list->runs + i + 1, (list->run_count - i) * sizeof(Run *));
        forget(list, run->count, run->memory);
        return run;
    }
    return NULL;
}

void run_list_drop(RunList *list, uint64_t segment)
{
    mutex_lock(&list->mutex);
    Piece *pieces = take_pieces_of(list, segment);
    mutex_unlock(&list->mutex);
    free_pieces(pieces);
    for (;;) {
        mutex_lock(&list->mutex);
        Run *run = take_run_of(list, segment);
        mutex_unlock(&list->mutex);
        if (!run)
            return;
        run_unref(run);
    }
}

/* ---- snapshots ---------------------------------------------------------------------------------
 */

/* Under the mutex: references to runs and waiting pieces. */
static bool take_references(RunList *list, Snapshot *out, Piece ***pieces, size_t *piece_count,
                            Err *err)
{
    out->runs = MEM_MAKE(Run *, list->run_count + 1, err);
    *pieces = out->runs ? MEM_MAKE(Piece *, list->open_pieces + 1, err) : NULL;
    if (!*pieces)
        return false;
    for (; out->count < list->run_count; out->count++)
        out->runs[out->count] = run_ref(list->runs[out->count]);
    for (Piece *piece = list->open; piece; piece = piece->next)
        (*pieces)[(*piece_count)++] = piece_ref(piece);
    return true;
}

bool snapshot_take(RunList *list, Snapshot *out, Err *err)
{
    *out = (Snapshot){ 0 };
    Piece **pieces = NULL;
    size_t piece_count = 0;
    mutex_lock(&list->mutex);
    bool ok = take_references(list, out, &pieces, &piece_count, err);
    mutex_unlock(&list->mutex);
    if (ok && piece_count) {
        Run *fresh = make_run(list, pieces, piece_count, err);
        ok = fresh != NULL;
        if (fresh)
            out->runs[out->count++] = fresh;
    }
    for (size_t i = 0; i < piece_count; i++)
        piece_unref(pieces[i]);
    mem_free(pieces);
    if (!ok)
        snapshot_done(out);
    return ok;
}

void snapshot_done(Snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->count; i++)
        run_unref(snapshot->runs[i]);
    mem_free(snapshot->runs);
    *snapshot = (Snapshot){ 0 };
}

int64_t snapshot_oldest(const Snapshot *snapshot)
{
    int64_t oldest = 0;
    for (size_t i = 0; i < snapshot->count; i++)
        note_oldest(&oldest, snapshot->runs[i]->oldest_ns);
    return oldest;
}
