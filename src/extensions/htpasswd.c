/* htpasswd.c - see htpasswd.h.
 *
 * Apache's MD5 is the one of crypt(3) with another word in front of the salt, which is hashed, too:
 * so libcrypt cannot do it, and it is done here on OpenSSL's MD5.
 */
#include "extensions/htpasswd.h"

#include "base/buf.h"
#include "base/mem.h"
#include "extensions/credential.h"
#include "extensions/crypto_library.h"
#include "net/grpc.h"

#include <stdlib.h>
#include <string.h>

enum {
    MD5_SIZE = 16,
    SHA1_SIZE = 20,
    SALT_MAX = 8,
    ROUNDS = 1000,
    BCRYPT_LEN = 60,
    LINES_MAX = 100000,
    MESSAGE_MAX = 2 * HTPASSWD_PASSWORD_MAX + MD5_SIZE + SALT_MAX + 8,
    WORK_MD5 = 1000,       /* 1000 rounds */
    WORK_SHA2 = 5000,      /* 5000 rounds, unless the hash says otherwise */
    WORK_BCRYPT_UNIT = 50, /* times 2 to the cost */
};

/* ---- lines ----------------------------------------------------------------------------------- */

static bool take_bcrypt(PasswordLine *line, Err *err)
{
    uint64_t cost;
    if (line->hash.len != BCRYPT_LEN || line->hash.ptr[6] != '$' ||
        !str_to_u64(str_first(str_skip(line->hash, 4), 2), &cost) || cost < 4 || cost > 31)
        return fail(err, ERR_INPUT, "a damaged bcrypt hash");
    uint64_t work = ((uint64_t)1 << cost) * WORK_BCRYPT_UNIT;
    if (work > HTPASSWD_WORK_MAX)
        return fail(err, ERR_INPUT, "bcrypt of cost %d takes too long for a server; 14 at most",
                    (int)cost);
    line->work = (uint32_t)work;
    return true;
}

static bool take_sha2(PasswordLine *line, Err *err)
{
    Str rest = str_skip(line->hash, 3), part;
    uint64_t rounds = WORK_SHA2;
    if (str_starts(rest, STR("rounds=")) && str_split(&rest, '$', &part) &&
        !str_to_u64(str_skip(part, 7), &rounds))
        return fail(err, ERR_INPUT, "a damaged hash");
    if (rounds > HTPASSWD_WORK_MAX)
        return fail(err, ERR_INPUT, "so many rounds take too long for a server; %d at most",
                    HTPASSWD_WORK_MAX);
    line->work = (uint32_t)rounds;
    return true;
}

static bool take_md5(PasswordLine *line, Err *err)
{
    (void)err;
    line->work = WORK_MD5;
    return true;
}

static bool take_cheap(PasswordLine *line, Err *err)
{
    (void)line, (void)err;
    return true;
}

static const struct Form {
    Str prefix;
    HashKind kind;
    bool (*take)(PasswordLine *line, Err *err);
} forms[] = {
    { STR_ROW("$2y$"), HASH_CRYPT, take_bcrypt }, { STR_ROW("$2b$"), HASH_CRYPT, take_bcrypt },
    { STR_ROW("$2a$"), HASH_CRYPT, take_bcrypt }, { STR_ROW("$apr1$"), HASH_APR1, take_md5 },
    { STR_ROW("$1$"), HASH_CRYPT, take_md5 },     { STR_ROW("$5$"), HASH_CRYPT, take_sha2 },
    { STR_ROW("$6$"), HASH_CRYPT, take_sha2 },    { STR_ROW("{SHA}"), HASH_SHA, take_cheap },
};

/* $argon2id$..., {SSHA}...: the word between the two signs. */
static bool looks_hashed(Str text)
{
    Str rest = str_skip(text, 1), word;
    bool dollar = str_starts(text, STR("$")), brace = str_starts(text, STR("{"));
    if (!dollar && !brace)
        return false;
    return str_split(&rest, dollar ? '$' : '}', &word) && word.len > 0 && word.len < 12 && rest.len;
}

static bool take_hash(PasswordLine *line, Err *err)
{
    if (line->hash.len >= HTPASSWD_HASH_MAX)
        return fail(err, ERR_INPUT, "longer than %d characters", HTPASSWD_HASH_MAX - 1);
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        if (!str_starts(line->hash, forms[i].prefix))
            continue;
        line->kind = forms[i].kind;
        return forms[i].take(line, err);
    }
    return !looks_hashed(line->hash) ||
           fail(err, ERR_INPUT,
                "a hash of a kind that is not known here; write bcrypt (htpasswd -B)");
}

static bool take_line(Str text, PasswordLine *line, Err *err)
{
    if (!str_split(&text, ':', &line->name) || !line->name.len || !text.len)
        return fail(err, ERR_INPUT, "must be name:hash");
    line->hash = text;
    return take_hash(line, err);
}

static int by_name(const void *a, const void *b)
{
    const PasswordLine *one = a, *other = b;
    int order = str_compare(one->name, other->name);
    return order ? order : one->number < other->number ? -1 : 1;
}

static void note_dearest(Htpasswd *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (!list->dearest || list->lines[i].work > list->dearest->work)
            list->dearest = &list->lines[i];
}

static bool is_empty(Str line)
{
    return !line.len || str_starts(line, STR("#"));
}

bool htpasswd_parse(Str text, Arena *arena, Htpasswd *out, Err *err)
{
    Str line, rest;
    size_t count = 0, number = 0;
    *out = (Htpasswd){ 0 };
    if (!arena_copy(arena, text, &text, err))
        return false;
    for (rest = text; str_split(&rest, '\n', &line);)
        count += !is_empty(str_trim(line));
    if (count > LINES_MAX)
        return fail(err, ERR_INPUT, "more than %d names", LINES_MAX);
    out->lines = ARENA_MAKE(arena, PasswordLine, count + 1, err);
    if (!out->lines)
        return false;
    for (rest = text; str_split(&rest, '\n', &line);) {
        PasswordLine *fresh = &out->lines[out->count];
        number++;
        if (is_empty(str_trim(line)))
            continue;
        fresh->number = number;
        if (!take_line(str_trim(line), fresh, err))
            return blame(err, "line %zu", number);
        out->count++;
    }
    qsort(out->lines, out->count, sizeof *out->lines, by_name);
    note_dearest(out);
    return true;
}

const PasswordLine *htpasswd_find(const Htpasswd *list, Str name)
{
    size_t from = 0, to = list->count; /* the first line behind those of that name */
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (str_compare(list->lines[middle].name, name) <= 0)
            from = middle + 1;
        else
            to = middle;
    }
    if (from == 0 || !str_eq(list->lines[from - 1].name, name))
        return NULL;
    return &list->lines[from - 1];
}

/* ---- passwords ------------------------------------------------------------------------------- */

bool htpasswd_ready(Err *err)
{
    return crypto_library(err) && crypt_library(err);
}

typedef struct Message { /* what is hashed next */
    char bytes[MESSAGE_MAX];
    size_t len;
} Message;

static void add(Message *message, const void *bytes, size_t len)
{
    memcpy(message->bytes + message->len, bytes, len);
    message->len += len;
}

static void add_str(Message *message, Str text)
{
    if (text.len)
        add(message, text.ptr, text.len);
}

typedef struct Apr1 {
    const CryptoLibrary *library;
    EVP_MD *md5;
    Str password, salt;
    unsigned char digest[MD5_SIZE];
} Apr1;

static bool digest(Apr1 *apr1, const Message *message)
{
    return apr1->library->EVP_Digest(message->bytes, message->len, apr1->digest, NULL, apr1->md5,
                                     NULL) == 1;
}

static bool apr1_begin(Apr1 *apr1)
{
    Message message = { .len = 0 };
    add_str(&message, apr1->password);
    add_str(&message, apr1->salt);
    add_str(&message, apr1->password);
    if (!digest(apr1, &message))
        return false;
    message.len = 0;
    add_str(&message, apr1->password);
    add_str(&message, STR("$apr1$"));
    add_str(&message, apr1->salt);
    for (size_t left = apr1->password.len; left > 0; left -= left < MD5_SIZE ? left : MD5_SIZE)
        add(&message, apr1->digest, left < MD5_SIZE ? left : MD5_SIZE);
    for (size_t bits = apr1->password.len; bits > 0; bits >>= 1)
        add(&message, bits & 1 ? "" : apr1->password.ptr, 1);
    return digest(apr1, &message);
}

static bool apr1_round(Apr1 *apr1, unsigned round)
{
    Message message = { .len = 0 };
    Str before = { (const char *)apr1->digest, MD5_SIZE };
    add_str(&message, round & 1 ? apr1->password : before);
    if (round % 3)
        add_str(&message, apr1->salt);
    if (round % 7)
        add_str(&message, apr1->password);
    add_str(&message, round & 1 ? before : apr1->password);
    return digest(apr1, &message);
}

static void apr1_text(const unsigned char digest[MD5_SIZE], char out[23])
{
    static const char letters[] =
        "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static const unsigned char order[5][3] = {
        { 0, 6, 12 }, { 1, 7, 13 }, { 2, 8, 14 }, { 3, 9, 15 }, { 4, 10, 5 }
    };
    for (size_t i = 0; i < 5; i++) {
        uint32_t group = (uint32_t)digest[order[i][0]] << 16 | (uint32_t)digest[order[i][1]] << 8 |
                         digest[order[i][2]];
        for (size_t k = 0; k < 4; k++, group >>= 6)
            *out++ = letters[group & 63];
    }
    *out++ = letters[digest[11] & 63];
    *out++ = letters[digest[11] >> 6];
    *out = 0;
}

static bool apr1_matches(Str hash, Str password, const CryptoLibrary *library)
{
    Str rest = str_skip(hash, 6), salt = { 0 };
    char text[23];
    if (!str_split(&rest, '$', &salt))
        return false;
    Apr1 apr1 = { .library = library,
                  .md5 = library->EVP_MD_fetch(NULL, "MD5", NULL),
                  .password = password,
                  .salt = str_first(salt, SALT_MAX) };
    bool ok = apr1.md5 && apr1_begin(&apr1);
    for (unsigned round = 0; ok && round < ROUNDS; round++)
        ok = apr1_round(&apr1, round);
    library->EVP_MD_free(apr1.md5);
    apr1_text(apr1.digest, text);
    return ok && secret_equal(str_from(text), rest);
}

static bool sha_matches(Str hash, Str password, const CryptoLibrary *library)
{
    unsigned char digest[SHA1_SIZE];
    EVP_MD *sha1 = library->EVP_MD_fetch(NULL, "SHA1", NULL);
    Buf known = BUF(HTPASSWD_HASH_MAX);
    bool ok = sha1 && base64_decode(str_skip(hash, 5), &known) &&
              library->EVP_Digest(password.ptr, password.len, digest, NULL, sha1, NULL) == 1 &&
              secret_equal((Str){ (const char *)digest, SHA1_SIZE }, buf_str(&known));
    library->EVP_MD_free(sha1);
    buf_free(&known);
    return ok;
}

static bool crypt_matches(Str hash, Str password)
{
    Err err;
    const CryptLibrary *library = crypt_library(&err);
    struct crypt_data *data = MEM_MAKE(struct crypt_data, 1, &err); /* 32 KiB */
    char setting[HTPASSWD_HASH_MAX], text[HTPASSWD_PASSWORD_MAX + 1];
    if (!library || !data) {
        mem_free(data);
        return false;
    }
    memcpy(setting, hash.ptr, hash.len);
    setting[hash.len] = 0;
    memcpy(text, password.ptr, password.len);
    text[password.len] = 0;
    const char *made = library->crypt_r(text, setting, data);
    bool ok = made && secret_equal(str_from(made), hash);
    explicit_bzero(text, sizeof text);
    explicit_bzero(data, sizeof *data);
    mem_free(data);
    return ok;
}

bool password_matches(const PasswordLine *line, Str password)
{
    Err err;
    const CryptoLibrary *library = crypto_library(&err);
    if (!library || password.len > HTPASSWD_PASSWORD_MAX || !password.len ||
        memchr(password.ptr, 0, password.len))
        return false;
    switch (line->kind) {
    case HASH_PLAIN: return secret_equal(password, line->hash);
    case HASH_SHA: return sha_matches(line->hash, password, library);
    case HASH_APR1: return apr1_matches(line->hash, password, library);
    case HASH_CRYPT: return crypt_matches(line->hash, password);
    }
    return false;
}
