/* basicauth_extension.c - names and passwords: for servers a list of them, for clients one pair.
 *
 * A good password hash is slow on purpose, and authenticators run on the loops that carry the data.
 * So that neither a crowd of honest clients nor one that guesses takes the loops for it:
 *
 *   - What was found right or wrong is remembered, by a hash of name and password under a key that
 *     is made at the start: a client pays for its password once, and so does one that is set up
 *     wrongly and asks again and again. Both memories have a fixed size and are apart, so that
 *     guesses cannot push the right ones out.
 *   - Everything else draws on one account of work: it fills by WORK_PER_SECOND microseconds a
 *     second up to WORK_BURST, and wrong passwords alone empty it (a right one is paid back). While
 *     it is empty the answer is ERR_BUSY. So guessing costs at most a fifth of one processor,
 *     whatever the hashes cost; who is remembered does not notice, and who is not waits for as long
 *     as the guessing lasts.
 *   - A name that nobody has costs as much as the dearest one, so that the time tells no names.
 *
 * What is compared is compared in constant time. The list, the memories and the account are guarded
 * by one mutex, which is not held while a password is checked.
 */
#include "base/mem.h"
#include "base/sha256.h"
#include "base/thread.h"
#include "extensions/credential.h"
#include "extensions/crypto_library.h"
#include "extensions/htpasswd.h"
#include "extensions/watched_file.h"
#include "net/grpc.h"
#include "pipe/auth.h"

#include <string.h>

enum {
    KEY_SIZE = 32,
    WAYS = 4,
    SETS = 256, /* 1024 pairs remembered, right and wrong ones each */
    WORK_PER_SECOND = 200 * 1000,
    WORK_BURST = 1000 * 1000,
    FIELD_MAX = 4096,
    LIST_BYTES_MAX = 32 << 20,
};

typedef struct Memory {
    uint8_t hashes[SETS][WAYS][SHA256_SIZE];
    bool taken[SETS][WAYS];
    uint8_t next[SETS];
} Memory;

typedef struct HtpasswdSettings {
    bool present;
    Str file;
    Secret inline_text;
} HtpasswdSettings;

typedef struct ClientSettings {
    bool present;
    Str username, username_file, password_file;
    Secret password;
} ClientSettings;

typedef struct BasicAuth {
    Component base;
    HtpasswdSettings htpasswd; /* settings */
    ClientSettings client_auth;
    ServerAuth server; /* state */
    ClientAuth client;
    WatchedFile file, username_file, password_file;
    uint8_t key[KEY_SIZE];
    bool started;
    Mutex mutex;  /* guards the rest */
    Arena *arena; /* holds the list */
    Htpasswd list;
    uint64_t generation; /* of the list */
    Memory *right, *wrong;
    int64_t work, work_mono_ns; /* what is in the account, and when it was filled */
    Buf username, password;
} BasicAuth;

static const ConfigField htpasswd_fields[] = {
    TEXT(HtpasswdSettings, file, "", "A file of name:hash lines, read again when it changes.",
         .path = READS_FILE),
    SECRET(HtpasswdSettings, inline_text, "", "Such lines; they win over those of the file.",
           .name = "inline"),
    { 0 },
};

static const ConfigField client_fields[] = {
    TEXT(ClientSettings, username, "", "The name."),
    TEXT(ClientSettings, username_file, "",
         "A file with the name, read again when it changes; wins over username.",
         .path = READS_FILE),
    SECRET(ClientSettings, password, "", "The password."),
    TEXT(ClientSettings, password_file, "",
         "A file with the password, read again when it changes; wins over password.",
         .path = READS_FILE),
    { 0 },
};

static const ConfigField fields[] = {
    OPTIONAL_SECTION(BasicAuth, htpasswd, HtpasswdSettings, htpasswd_fields,
                     "For servers: who may come."),
    OPTIONAL_SECTION(BasicAuth, client_auth, ClientSettings, client_fields,
                     "For clients: who we are."),
    { 0 },
};

static bool auth_check(const void *self, Err *err)
{
    const BasicAuth *auth = self;
    const HtpasswdSettings *htpasswd = &auth->htpasswd;
    const ClientSettings *client = &auth->client_auth;
    if (htpasswd->present && client->present)
        return fail(err, ERR_INPUT, "only one of htpasswd or client_auth can be specified");
    if (client->present) {
        if (!client->username.len && !client->username_file.len)
            return fail(err, ERR_INPUT, "client_auth: set username or username_file");
        return !memchr(client->username.len ? client->username.ptr : "", ':',
                       client->username.len) ||
               fail(err, ERR_INPUT, "client_auth: username: must not have a ':' in it");
    }
    return (htpasswd->present &&
            (htpasswd->file.len || secret_reveal(htpasswd->inline_text).len)) ||
           fail(err, ERR_INPUT,
                "no credential source provided: set htpasswd.file, htpasswd.inline or client_auth");
}

/* ---- the list -------------------------------------------------------------------------------- */

static bool take_list(void *owner, Str content, Err *err)
{
    BasicAuth *auth = owner;
    Str more = secret_reveal(auth->htpasswd.inline_text);
    Htpasswd list = { 0 };
    Buf text = BUF(2 * WATCHED_FILE_MAX);
    buf_add(&text, content);
    buf_add_byte(&text, '\n');
    buf_add(&text, more);
    Arena *arena = arena_new(LIST_BYTES_MAX, err);
    bool ok = arena && buf_ok(&text, err) && htpasswd_parse(buf_str(&text), arena, &list, err) &&
              (list.count || fail(err, ERR_INPUT, "no name:hash line in it"));
    secret_wipe(&text);
    if (!ok) {
        arena_free(arena);
        return false;
    }
    mutex_lock(&auth->mutex);
    Arena *old = auth->arena;
    auth->arena = arena;
    auth->list = list;
    auth->generation++;
    memset(auth->right, 0, sizeof *auth->right);
    memset(auth->wrong, 0, sizeof *auth->wrong);
    mutex_unlock(&auth->mutex);
    arena_free(old);
    return true;
}

/* ---- memories -------------------------------------------------------------------------------- */

typedef struct Pair {
    Str name, password;
    uint8_t hash[SHA256_SIZE];
} Pair;

static bool hash_pair(const BasicAuth *auth, Pair *pair, Err *err)
{
    uint64_t len = pair->name.len; /* so that "ab:c" and "a:bc" differ */
    Buf text = BUF(2 * FIELD_MAX);
    buf_add(&text, (Str){ (const char *)auth->key, KEY_SIZE });
    buf_add(&text, (Str){ (const char *)&len, sizeof len });
    buf_add(&text, pair->name);
    buf_add(&text, pair->password);
    bool ok = buf_ok(&text, err);
    if (ok)
        sha256(buf_str(&text), pair->hash);
    secret_wipe(&text);
    return ok;
}

static bool remembers(const Memory *memory, const Pair *pair)
{
    size_t set = pair->hash[0];
    for (size_t way = 0; way < WAYS; way++)
        if (memory->taken[set][way] &&
            memcmp(memory->hashes[set][way], pair->hash, SHA256_SIZE) == 0)
            return true;
    return false;
}

static void remember(Memory *memory, const Pair *pair)
{
    size_t set = pair->hash[0], way = memory->next[set]++ % WAYS;
    memcpy(memory->hashes[set][way], pair->hash, SHA256_SIZE);
    memory->taken[set][way] = true;
}

/* ---- the account of work --------------------------------------------------------------------- */

static void earn(BasicAuth *auth, int64_t now_ns)
{
    int64_t earned = (now_ns - auth->work_mono_ns) / (NANOS_PER_SECOND / WORK_PER_SECOND);
    if (earned <= 0)
        return;
    auth->work_mono_ns = now_ns;
    auth->work = earned < WORK_BURST - auth->work ? auth->work + earned : WORK_BURST;
}

typedef enum Verdict { RIGHT, WRONG, CHECK, TOO_BUSY } Verdict;

typedef struct Check { /* what is checked with the mutex open */
    PasswordLine line;
    char hash[HTPASSWD_HASH_MAX];
    bool exists;
    uint64_t generation;
} Check;

static Verdict begin_check(BasicAuth *auth, const Pair *pair, Check *out)
{
    if (remembers(auth->right, pair))
        return RIGHT;
    if (remembers(auth->wrong, pair))
        return WRONG;
    const PasswordLine *line = htpasswd_find(&auth->list, pair->name);
    out->exists = line != NULL;
    out->line = line ? *line : *auth->list.dearest;
    memcpy(out->hash, out->line.hash.ptr, out->line.hash.len);
    out->line.hash.ptr = out->hash;
    out->generation = auth->generation;
    earn(auth, clock_mono_ns(host_clock(auth->base.host)));
    if (out->line.work && auth->work <= 0)
        return TOO_BUSY;
    auth->work -= out->line.work;
    return CHECK;
}

static void end_check(BasicAuth *auth, const Pair *pair, const Check *check, bool right)
{
    if (right)
        auth->work += check->line.work;
    if (auth->generation == check->generation)
        remember(right ? auth->right : auth->wrong, pair);
}

static Verdict judge(BasicAuth *auth, const Pair *pair)
{
    Check check;
    mutex_lock(&auth->mutex);
    Verdict verdict = begin_check(auth, pair, &check);
    mutex_unlock(&auth->mutex);
    if (verdict != CHECK)
        return verdict;
    bool right = password_matches(&check.line, pair->password) && check.exists;
    mutex_lock(&auth->mutex);
    end_check(auth, pair, &check, right);
    mutex_unlock(&auth->mutex);
    return right ? RIGHT : WRONG;
}

/* ---- servers --------------------------------------------------------------------------------- */

static bool take_pair(const BasicAuth *auth, Str encoded, Buf *plain, Pair *out, Err *err)
{
    if (encoded.len > FIELD_MAX || !base64_decode(encoded, plain))
        return fail(err, ERR_UNKNOWN, "invalid authorization format");
    Str rest = buf_str(plain);
    const char *colon = rest.len ? memchr(rest.ptr, ':', rest.len) : NULL;
    if (!colon)
        return fail(err, ERR_UNKNOWN, "invalid authorization format");
    out->name = str_first(rest, (size_t)(colon - rest.ptr));
    out->password = str_skip(rest, out->name.len + 1);
    return hash_pair(auth, out, err);
}

static bool let_in(BasicAuth *auth, Str encoded, const Pair *pair, ClientInfo *client, Err *err)
{
    Verdict verdict = judge(auth, pair);
    if (verdict == TOO_BUSY) {
        fail(err, ERR_BUSY, "too many wrong passwords at the moment: come back later");
        err->retry_ms = 1000;
        return false;
    }
    if (verdict != RIGHT)
        return fail(err, ERR_UNKNOWN, "invalid credentials");
    return client_info_add(client, CLIENT_AUTH, STR("username"), pair->name, err) &&
           client_info_add(client, CLIENT_AUTH, STR("raw"), encoded, err);
}

static bool authenticate(void *self, const AuthRequest *asked, ClientInfo *client, Err *err)
{
    BasicAuth *auth = self;
    Str field = auth_request_field(asked, STR("authorization"));
    if (!field.len)
        return fail(err, ERR_UNKNOWN, "no basic auth provided");
    Str encoded = credential_behind(field, STR("Basic"));
    if (!encoded.ptr)
        return fail(err, ERR_UNKNOWN, "invalid authorization scheme prefix");
    Pair pair;
    Buf plain = BUF(FIELD_MAX);
    bool ok =
        take_pair(auth, encoded, &plain, &pair, err) && let_in(auth, encoded, &pair, client, err);
    secret_wipe(&plain);
    return ok;
}

static bool start_server(BasicAuth *auth, Err *err)
{
    const CryptoLibrary *library = htpasswd_ready(err) ? crypto_library(err) : NULL;
    if (!library)
        return blame(err, "htpasswd");
    if (library->RAND_bytes(auth->key, KEY_SIZE) != 1)
        return fail(err, ERR_IO, "htpasswd: no random numbers for a key");
    auth->right = MEM_MAKE(Memory, 1, err);
    auth->wrong = MEM_MAKE(Memory, 1, err);
    if (!auth->right || !auth->wrong)
        return false;
    auth->work = WORK_BURST;
    auth->work_mono_ns = clock_mono_ns(host_clock(auth->base.host));
    auth->server = (ServerAuth){ .self = auth,
                                 .challenge = STR("Basic realm=\"cryostorm\", charset=\"UTF-8\""),
                                 .authenticate = authenticate };
    if (!auth->htpasswd.file.len)
        return take_list(auth, (Str){ 0 }, err) || blame(err, "htpasswd: inline");
    auth->file = (WatchedFile){
        .key = "htpasswd: file", .path = auth->htpasswd.file.ptr, .take = take_list, .owner = auth
    };
    return watched_file_open(&auth->file, auth->base.host, false, err);
}

/* ---- clients --------------------------------------------------------------------------------- */

static bool keep_text(BasicAuth *auth, Buf *kept, Str text, Err *err)
{
    Buf fresh = BUF(FIELD_MAX);
    buf_add(&fresh, text);
    if (!buf_ok(&fresh, err))
        return false;
    mutex_lock(&auth->mutex);
    Buf old = *kept;
    *kept = fresh;
    mutex_unlock(&auth->mutex);
    secret_wipe(&old);
    return true;
}

static bool take_username(void *owner, Str content, Err *err)
{
    BasicAuth *auth = owner;
    Str name = str_trim(content);
    if (!name.len || memchr(name.ptr, ':', name.len))
        return fail(err, ERR_INPUT, "must hold a name without a ':'");
    return keep_text(auth, &auth->username, name, err);
}

static bool take_password(void *owner, Str content, Err *err)
{
    BasicAuth *auth = owner;
    return keep_text(auth, &auth->password, str_trim(content), err);
}

/* The encoder is gRPC's and leaves the padding out, on which RFC 7617 insists. */
static void encode_padded(Str text, Buf *out)
{
    base64_encode(text, out);
    for (size_t len = text.len; len % 3; len++)
        buf_add_byte(out, '=');
}

static bool sign(void *self, const ClientInfo *client, HttpFields *sent, Err *err)
{
    (void)client;
    BasicAuth *auth = self;
    Buf plain = BUF(2 * FIELD_MAX), value = BUF(4 * FIELD_MAX);
    mutex_lock(&auth->mutex);
    buf_add(&plain, buf_str(&auth->username));
    buf_add_byte(&plain, ':');
    buf_add(&plain, buf_str(&auth->password));
    mutex_unlock(&auth->mutex);
    buf_add(&value, STR("Basic "));
    encode_padded(buf_str(&plain), &value);
    bool ok = buf_ok(&plain, err) && buf_ok(&value, err) &&
              http_fields_set(sent, STR("authorization"), buf_str(&value), err);
    secret_wipe(&plain);
    secret_wipe(&value);
    return ok;
}

static bool start_file(BasicAuth *auth, WatchedFile *file, Str path, Err *err)
{
    file->path = path.ptr;
    file->owner = auth;
    return watched_file_open(file, auth->base.host, false, err);
}

static bool start_client(BasicAuth *auth, Err *err)
{
    const ClientSettings *client = &auth->client_auth;
    auth->client = (ClientAuth){ .self = auth, .needs_tls = true, .sign = sign };
    auth->username_file.key = "client_auth: username_file";
    auth->username_file.take = take_username;
    auth->password_file.key = "client_auth: password_file";
    auth->password_file.take = take_password;
    return (client->username_file.len
                ? start_file(auth, &auth->username_file, client->username_file, err)
                : keep_text(auth, &auth->username, client->username, err)) &&
           (client->password_file.len
                ? start_file(auth, &auth->password_file, client->password_file, err)
                : keep_text(auth, &auth->password, secret_reveal(client->password), err));
}

/* ---- life ------------------------------------------------------------------------------------ */

static bool auth_start(void *self, Err *err)
{
    BasicAuth *auth = self;
    mutex_init(&auth->mutex);
    auth->started = true;
    return auth->htpasswd.present ? start_server(auth, err) : start_client(auth, err);
}

static void auth_stop(void *self)
{
    BasicAuth *auth = self;
    if (!auth->started)
        return;
    watched_file_close(&auth->file);
    watched_file_close(&auth->username_file);
    watched_file_close(&auth->password_file);
    arena_free(auth->arena);
    mem_free(auth->right);
    mem_free(auth->wrong);
    secret_wipe(&auth->username);
    secret_wipe(&auth->password);
    mutex_done(&auth->mutex);
    auth->arena = NULL;
    auth->right = auth->wrong = NULL;
    auth->started = false;
}

static void *auth_service(void *self, ServiceKind kind)
{
    BasicAuth *auth = self;
    if (!auth->started)
        return NULL;
    if (kind == SERVICE_SERVER_AUTH && auth->htpasswd.present)
        return &auth->server;
    return kind == SERVICE_CLIENT_AUTH && auth->client_auth.present ? &auth->client : NULL;
}

const ComponentType basicauth_extension = {
    .name = "basicauth",
    .summary = "Names and passwords: who may come, or who we are.",
    .kind = EXTENSION,
    .stability = BETA,
    .placement = SINGLE,
    .size = sizeof(BasicAuth),
    .fields = fields,
    .check = auth_check,
    .start = auth_start,
    .stop = auth_stop,
    .service = auth_service,
};
