/* ack.c - roots, children of a split, and joins; see ack.h.
 *
 *     Root    one allocation; carries the outcome and the Post that takes it home
 *     Split   one allocation for the merged verdict and all children: the last child frees it
 *     Join    one allocation with the parents' pointers
 *
 * An Ack is touched by one thread at a time: whoever holds it. The only thing that several threads
 * meet in is a Split, whose children may be settled at once; its mutex guards the merged verdict.
 * The last child leaves the lock before it settles the parent.
 */
#include "pipe/ack.h"

#include "base/mem.h"
#include "base/thread.h"
#include "net/loop.h"
#include "pipe/client_info.h"
#include "pipe/ledger.h"

#include <assert.h>

typedef enum AckKind { ACK_ROOT, ACK_CHILD, ACK_JOIN } AckKind;

struct Ack {
    AckKind kind;
    bool waited;
    bool taken; /* settled, split or joined: nobody may do that again */
    uint64_t items;
    ClientInfo *client; /* a root's and a ack_join_as()'s own; else of an Ack that outlives this */
};

typedef struct Root {
    Ack ack;
    AckListener listener;
    AckOutcome outcome;
    Post post;
} Root;

typedef struct Split Split;

typedef struct Child {
    Ack ack;
    Split *split;
} Child;

struct Split {
    Ack *parent;
    AckSplit how;
    Mutex mutex; /* guards all of the following but the children */
    size_t left;
    bool seen[ACK_PARTLY + 1]; /* which results came */
    AckOutcome merged;         /* retry_ms, refused and the weightiest reason so far */
    Child children[];
};

typedef struct Join {
    Ack ack;
    bool owns_client;
    size_t count;
    Ack *parents[];
} Join;

static void settle(Ack *ack, const AckOutcome *outcome);

/* --- roots --------------------------------------------------------------------------------- */

static void root_close(Root *root)
{
    if (root->listener.ledger)
        ledger_close(root->listener.ledger, root->ack.items);
    client_info_unref(root->ack.client);
    mem_free(root);
}

static void root_home(void *owner)
{
    Root *root = owner;
    root->listener.settled(root->listener.context, &root->outcome);
    root_close(root);
}

Ack *ack_new(const AckListener *listener, uint64_t items, Err *err)
{
    assert(!listener->settled || listener->home);
    Root *root = MEM_MAKE(Root, 1, err);
    if (!root)
        return NULL;
    root->ack = (Ack){ .kind = ACK_ROOT,
                       .waited = listener->waits,
                       .items = items,
                       .client = client_info_ref(listener->client) };
    root->listener = *listener;
    root->post = (Post){ .run = root_home, .owner = root };
    if (listener->ledger)
        ledger_open(listener->ledger, items);
    return &root->ack;
}

static void root_settle(Root *root, const AckOutcome *outcome)
{
    if (root->listener.ledger)
        ledger_judge(root->listener.ledger, &root->ack, outcome);
    if (!root->listener.settled) {
        root_close(root);
        return;
    }
    root->outcome = *outcome;
    loop_post(root->listener.home, &root->post);
}

/* --- splits -------------------------------------------------------------------------------- */

bool ack_split(Ack *parent, AckSplit how, size_t count, const uint64_t *items, Ack **children,
               Err *err)
{
    assert(!parent->taken && count > 0);
    if (count == 1) {
        children[0] = parent;
        return true;
    }
    if (count > (SIZE_MAX - sizeof(Split)) / sizeof(Child))
        return fail(err, ERR_LIMIT, "%zu pieces", count);
    Split *split = mem_zeroed(1, sizeof *split + count * sizeof(Child), err);
    if (!split)
        return false;
    split->parent = parent;
    split->how = how;
    split->left = count;
    mutex_init(&split->mutex);
    for (size_t i = 0; i < count; i++) {
        Child *child = &split->children[i];
        child->ack = (Ack){ .kind = ACK_CHILD,
                            .waited = parent->waited,
                            .items = items ? items[i] : parent->items,
                            .client = parent->client };
        child->split = split;
        children[i] = &child->ack;
    }
    parent->taken = true;
    return true;
}

/* Which verdict's reason is told when several came: what the source must act on comes first. */
static int weight(AckResult result)
{
    static const int weights[] = {
        [ACK_DELIVERED] = 0, [ACK_PARTLY] = 1, [ACK_REFUSED] = 2, [ACK_RETRY] = 3
    };
    return weights[result];
}

static uint64_t lost_items(const Ack *ack, const AckOutcome *outcome)
{
    return outcome->result == ACK_REFUSED  ? ack->items
           : outcome->result == ACK_PARTLY ? outcome->refused
                                           : 0;
}

static void split_merge(Split *split, const Ack *child, const AckOutcome *outcome)
{
    AckOutcome *merged = &split->merged;
    uint64_t lost = lost_items(child, outcome);
    if (split->how == ACK_PIECES)
        merged->refused += lost;
    else if (lost > merged->refused)
        merged->refused = lost;
    if (outcome->result == ACK_RETRY && outcome->retry_ms > merged->retry_ms)
        merged->retry_ms = outcome->retry_ms;
    if (weight(outcome->result) > weight(merged->result)) {
        merged->result = outcome->result;
        merged->reason = outcome->reason;
    }
    split->seen[outcome->result] = true;
}

static AckOutcome split_verdict(const Split *split)
{
    AckOutcome verdict = split->merged;
    bool all_delivered = verdict.result == ACK_DELIVERED;
    bool all_refused = split->seen[ACK_REFUSED] && !split->seen[ACK_DELIVERED] &&
                       !split->seen[ACK_PARTLY] && !split->seen[ACK_RETRY];
    if (verdict.result == ACK_RETRY || all_delivered)
        verdict.refused = 0;
    else if (all_refused)
        verdict.refused = split->parent->items;
    else {
        verdict.result = ACK_PARTLY;
        if (verdict.refused > split->parent->items)
            verdict.refused = split->parent->items;
    }
    return verdict;
}

static void child_settle(Child *child, const AckOutcome *outcome)
{
    Split *split = child->split;
    mutex_lock(&split->mutex);
    split_merge(split, &child->ack, outcome);
    bool last = --split->left == 0;
    mutex_unlock(&split->mutex);
    if (!last)
        return;
    AckOutcome verdict = split_verdict(split);
    Ack *parent = split->parent;
    mutex_done(&split->mutex);
    mem_free(split);
    settle(parent, &verdict);
}

/* --- joins --------------------------------------------------------------------------------- */

static ClientInfo *common_client(Ack *const *parents, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (parents[i]->client != parents[0]->client)
            return NULL;
    }
    return parents[0]->client;
}

static Join *join_new(Ack *const *parents, size_t count, Err *err)
{
    assert(count > 0);
    if (count > (SIZE_MAX - sizeof(Join)) / sizeof(Ack *)) {
        fail(err, ERR_LIMIT, "%zu batches in one", count);
        return NULL;
    }
    Join *join = mem_zeroed(1, sizeof *join + count * sizeof(Ack *), err);
    if (!join)
        return NULL;
    join->ack.kind = ACK_JOIN;
    join->count = count;
    for (size_t i = 0; i < count; i++) {
        assert(!parents[i]->taken);
        parents[i]->taken = true;
        join->parents[i] = parents[i];
        join->ack.items += parents[i]->items;
        join->ack.waited = join->ack.waited || parents[i]->waited;
    }
    return join;
}

Ack *ack_join(Ack *const *parents, size_t count, Err *err)
{
    if (count == 1)
        return parents[0];
    Join *join = join_new(parents, count, err);
    if (!join)
        return NULL;
    join->ack.client = common_client(parents, count);
    return &join->ack;
}

Ack *ack_join_as(Ack *const *parents, size_t count, ClientInfo *client, Err *err)
{
    Join *join = join_new(parents, count, err);
    if (!join)
        return NULL;
    join->owns_client = true;
    join->ack.client = client_info_ref(client);
    return &join->ack;
}

/* Nobody knows whose items were refused, so each parent hears that so many of its own may be: an OK
 * for one whose data is lost would be a lie. */
static AckOutcome join_share(const Ack *parent, const AckOutcome *outcome)
{
    AckOutcome share = *outcome;
    share.refused = outcome->refused < parent->items ? outcome->refused : parent->items;
    return share;
}

static void join_settle(Join *join, const AckOutcome *outcome)
{
    for (size_t i = 0; i < join->count; i++) {
        Ack *parent = join->parents[i];
        AckOutcome share = *outcome;
        if (outcome->result == ACK_PARTLY)
            share = join_share(parent, outcome);
        else if (outcome->result == ACK_REFUSED)
            share.refused = parent->items;
        settle(parent, &share);
    }
    if (join->owns_client)
        client_info_unref(join->ack.client);
    mem_free(join);
}

/* --- verdicts ------------------------------------------------------------------------------ */

static void settle(Ack *ack, const AckOutcome *outcome)
{
    switch (ack->kind) {
    case ACK_ROOT: root_settle((Root *)ack, outcome); break;
    case ACK_CHILD: child_settle((Child *)ack, outcome); break;
    case ACK_JOIN: join_settle((Join *)ack, outcome); break;
    }
}

void ack_settle(Ack *ack, const AckOutcome *outcome)
{
    assert(!ack->taken);
    ack->taken = true;
    AckOutcome verdict = *outcome;
    if (verdict.result == ACK_REFUSED)
        verdict.refused = ack->items;
    else if (verdict.result != ACK_PARTLY)
        verdict.refused = 0;
    else if (verdict.refused > ack->items) /* the number may be a peer's */
        verdict.refused = ack->items;
    settle(ack, &verdict);
}

void ack_done(Ack *ack)
{
    ack_settle(ack, &(AckOutcome){ .result = ACK_DELIVERED });
}

void ack_retry(Ack *ack, uint32_t retry_ms, const Err *reason)
{
    ack_settle(ack, &(AckOutcome){ .result = ACK_RETRY, .retry_ms = retry_ms, .reason = *reason });
}

void ack_refuse(Ack *ack, const Err *reason)
{
    ack_settle(ack, &(AckOutcome){ .result = ACK_REFUSED, .reason = *reason });
}

void ack_partly(Ack *ack, uint64_t refused, const Err *reason)
{
    ack_settle(ack, &(AckOutcome){ .result = ACK_PARTLY, .refused = refused, .reason = *reason });
}

void ack_fail(Ack *ack, const Err *reason)
{
    if (err_retryable(reason->kind))
        ack_retry(ack, reason->retry_ms, reason);
    else
        ack_refuse(ack, reason);
}

uint64_t ack_items(const Ack *ack)
{
    return ack->items;
}

ClientInfo *ack_client(const Ack *ack)
{
    return ack->client;
}

bool ack_waited(const Ack *ack)
{
    return ack->waited;
}

void ack_hears(Ack *root)
{
    root->waited = true;
}
