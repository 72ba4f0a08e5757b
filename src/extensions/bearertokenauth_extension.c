/* bearertokenauth_extension.c - a shared secret in one header: for servers who has it, for clients
 * what goes with every request.
 *
 * Servers take any of the tokens, clients send the first. Of `token`, `tokens` and `filename` (one
 * token a line, watched) the file wins, as in the public Collector. A token is compared in a time
 * that does not tell where it differs, with all that there are.
 *
 * The tokens are read by every loop and replaced by the extension's own: a mutex guards them, held
 * for the comparison alone. Errors never repeat what the peer sent.
 */
#include "base/thread.h"
#include "extensions/credential.h"
#include "extensions/watched_file.h"
#include "pipe/auth.h"

#include <ctype.h>
#include <string.h>

enum { TOKENS_MAX = 1000, HEADER_MAX = 64 };

typedef struct FileRetry {
    bool enabled;
} FileRetry;

typedef struct BearerTokenAuth {
    Component base;
    Str header, scheme, filename; /* settings */
    Secret token;
    SecretList tokens;
    FileRetry file_retry;
    ServerAuth server; /* state */
    ClientAuth client;
    char lower_header[HEADER_MAX];
    WatchedFile file;
    bool started;
    Mutex mutex; /* guards the rest */
    Buf text;    /* the file's; else the list is of the settings */
    Str list[TOKENS_MAX];
    size_t count;
} BearerTokenAuth;

static const ConfigField retry_fields[] = {
    BOOL(FileRetry, enabled, "false", "Start although the file is not there yet."),
    IGNORED("max_retries", "the file is looked for as long as it takes"),
    IGNORED("retry_interval", "the file is looked for once a second"),
    { 0 },
};

static bool check_header(Str text, Err *err)
{
    for (size_t i = 0; i < text.len; i++)
        if (!isalnum((unsigned char)text.ptr[i]) && !memchr("-_.", text.ptr[i], 3))
            return fail(err, ERR_INPUT, "must be the name of a header, such as Authorization");
    return (text.len > 0 && text.len < HEADER_MAX) ||
           fail(err, ERR_INPUT, "must have 1 to %d characters", HEADER_MAX - 1);
}

static const ConfigField fields[] = {
    TEXT(BearerTokenAuth, header, "Authorization", "The header that carries the token.",
         .check = check_header),
    TEXT(BearerTokenAuth, scheme, "Bearer", "The word in front of the token; empty: none."),
    SECRET(BearerTokenAuth, token, "", "The token."),
    SECRET_LIST(BearerTokenAuth, tokens,
                "Several tokens: servers take each, clients send the first."),
    TEXT(BearerTokenAuth, filename, "",
         "A file with one token a line, read again when it changes; wins over the others.",
         .path = READS_FILE),
    SECTION(BearerTokenAuth, file_retry, FileRetry, retry_fields, "A file that comes later."),
    { 0 },
};

static bool auth_check(const void *self, Err *err)
{
    const BearerTokenAuth *auth = self;
    bool one = secret_reveal(auth->token).len > 0, many = auth->tokens.count > 0;
    if (one && many)
        return fail(err, ERR_INPUT, "either tokens or token should be provided, not both");
    if (!one && !many && !auth->filename.len)
        return fail(err, ERR_INPUT, "no bearer token provided: set token, tokens or filename");
    if (auth->tokens.count > TOKENS_MAX)
        return fail(err, ERR_INPUT, "tokens: %d at most", TOKENS_MAX);
    for (size_t i = 0; i < auth->tokens.count; i++)
        if (!secret_reveal(auth->tokens.items[i]).len)
            return fail(err, ERR_INPUT, "tokens: the one at %zu is empty", i + 1);
    return true;
}

/* ---- the tokens ------------------------------------------------------------------------------ */

/* The lines that are no token for being empty would let in whoever sends none. */
static size_t list_lines(Str text, Str out[TOKENS_MAX])
{
    Str line;
    size_t count = 0;
    while (str_split(&text, '\n', &line)) {
        line = str_trim(line);
        if (line.len && count < TOKENS_MAX)
            out[count] = line;
        count += line.len > 0;
    }
    return count;
}

static bool take_file(void *owner, Str content, Err *err)
{
    BearerTokenAuth *auth = owner;
    Str fresh[TOKENS_MAX];
    Buf text = BUF(WATCHED_FILE_MAX);
    buf_add(&text, content);
    size_t count = list_lines(buf_str(&text), fresh);
    bool ok = buf_ok(&text, err) &&
              ((count > 0 && count <= TOKENS_MAX) ||
               fail(err, ERR_INPUT, "%zu tokens in it; it must have 1 to %d, one a line", count,
                    TOKENS_MAX));
    if (ok) {
        mutex_lock(&auth->mutex);
        Buf old = auth->text;
        auth->text = text, text = old;
        memcpy(auth->list, fresh, count * sizeof *fresh);
        auth->count = count;
        mutex_unlock(&auth->mutex);
    }
    secret_wipe(&text);
    return ok;
}

static void take_settings(BearerTokenAuth *auth)
{
    for (size_t i = 0; i < auth->tokens.count; i++)
        auth->list[auth->count++] = secret_reveal(auth->tokens.items[i]);
    if (secret_reveal(auth->token).len > 0)
        auth->list[auth->count++] = secret_reveal(auth->token);
}

static bool is_known(BearerTokenAuth *auth, Str given)
{
    unsigned found = 0;
    mutex_lock(&auth->mutex);
    for (size_t i = 0; i < auth->count; i++)
        found |= secret_equal(given, auth->list[i]);
    mutex_unlock(&auth->mutex);
    return found;
}

/* ---- both sides ------------------------------------------------------------------------------ */

static bool authenticate(void *self, const AuthRequest *asked, ClientInfo *client, Err *err)
{
    BearerTokenAuth *auth = self;
    Str field = auth_request_field(asked, str_from(auth->lower_header));
    if (!field.len)
        return fail(err, ERR_UNKNOWN, "missing or empty authorization header: %s",
                    auth->lower_header);
    Str given = credential_behind(field, auth->scheme);
    if (!given.len || !is_known(auth, given))
        return fail(err, ERR_UNKNOWN, "scheme or token does not match");
    return client_info_add(client, CLIENT_AUTH, STR("raw"), given, err);
}

static bool sign(void *self, const ClientInfo *client, HttpFields *sent, Err *err)
{
    (void)client;
    BearerTokenAuth *auth = self;
    Buf value = BUF(WATCHED_FILE_MAX);
    if (auth->scheme.len)
        buf_addf(&value, "%.*s ", STR_ARG(auth->scheme));
    mutex_lock(&auth->mutex);
    bool known = auth->count > 0;
    if (known)
        buf_add(&value, auth->list[0]);
    mutex_unlock(&auth->mutex);
    bool ok = (known ||
               fail(err, ERR_BUSY, "no token yet: %.*s is not there", STR_ARG(auth->filename))) &&
              buf_ok(&value, err) &&
              http_fields_set(sent, str_from(auth->lower_header), buf_str(&value), err);
    secret_wipe(&value);
    return ok;
}

/* ---- life ------------------------------------------------------------------------------------ */

static bool auth_start(void *self, Err *err)
{
    BearerTokenAuth *auth = self;
    bool has_other = secret_reveal(auth->token).len > 0 || auth->tokens.count > 0;
    mutex_init(&auth->mutex);
    auth->started = true;
    for (size_t i = 0; i < auth->header.len; i++)
        auth->lower_header[i] = (char)tolower((unsigned char)auth->header.ptr[i]);
    auth->server = (ServerAuth){ .self = auth,
                                 .challenge = auth->scheme, /* "Bearer", without a realm */
                                 .authenticate = authenticate };
    auth->client = (ClientAuth){ .self = auth, .needs_tls = true, .sign = sign };
    if (!auth->filename.len) {
        take_settings(auth);
        return true;
    }
    if (has_other)
        host_log(auth->base.host, LOG_WARN, "filename is set: token and tokens are not used");
    auth->file = (WatchedFile){
        .key = "filename", .path = auth->filename.ptr, .take = take_file, .owner = auth
    };
    return watched_file_open(&auth->file, auth->base.host, auth->file_retry.enabled, err);
}

static void auth_stop(void *self)
{
    BearerTokenAuth *auth = self;
    if (!auth->started)
        return;
    watched_file_close(&auth->file);
    secret_wipe(&auth->text);
    mutex_done(&auth->mutex);
    auth->count = 0;
    auth->started = false;
}

static void *auth_service(void *self, ServiceKind kind)
{
    BearerTokenAuth *auth = self;
    if (!auth->started)
        return NULL;
    return kind == SERVICE_SERVER_AUTH   ? (void *)&auth->server
           : kind == SERVICE_CLIENT_AUTH ? (void *)&auth->client
                                         : NULL;
}

const ComponentType bearertokenauth_extension = {
    .name = "bearertokenauth",
    .summary = "A token in a header: who may come, or what exporters send.",
    .kind = EXTENSION,
    .stability = BETA,
    .placement = SINGLE,
    .size = sizeof(BearerTokenAuth),
    .fields = fields,
    .check = auth_check,
    .start = auth_start,
    .stop = auth_stop,
    .service = auth_service,
};
