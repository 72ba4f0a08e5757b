/* jwt.c - see jwt.h.
 *
 * A key of a set becomes OpenSSL's by way of the DER that X.509 has for it (SubjectPublicKeyInfo,
 * RFC 5280), which says the same for all kinds and whose reader checks points against their curve:
 *
 *     30 { 30 { algorithm } 03 { 00 key } }
 *
 * ECDSA's two numbers stand side by side in a token and are put into DER as well.
 */
#include "extensions/jwt.h"

#include "base/mem.h"
#include "base/refs.h"
#include "extensions/crypto_library.h"
#include "net/grpc.h"

#include <string.h>

enum {
    KID_MAX = 256,
    COORDINATE_MAX = 66, /* of P-521 */
    RSA_BITS_MIN = 2048,
    RSA_BITS_MAX = 8192, /* larger ones are slow, and nobody has them */
    EXPONENT_MAX = 4,
    DER_MAX = 4096,
    TRIES_MAX = 8, /* keys of a token that names none */
    DER_INTEGER = 0x02,
    DER_BITS = 0x03,
    DER_SEQUENCE = 0x30,
};

typedef enum KeyKind { KEY_RSA, KEY_P256, KEY_P384, KEY_P521, KEY_ED25519 } KeyKind;

static const struct Algorithm {
    Str name;
    KeyKind kind;
    const char *digest; /* NULL: the algorithm's own */
    bool pss;
    size_t coordinate; /* bytes of each of ECDSA's numbers; else 0 */
} algorithms[] = {
    { STR_ROW("RS256"), KEY_RSA, "SHA256", false, 0 },
    { STR_ROW("RS384"), KEY_RSA, "SHA384", false, 0 },
    { STR_ROW("RS512"), KEY_RSA, "SHA512", false, 0 },
    { STR_ROW("PS256"), KEY_RSA, "SHA256", true, 0 },
    { STR_ROW("PS384"), KEY_RSA, "SHA384", true, 0 },
    { STR_ROW("PS512"), KEY_RSA, "SHA512", true, 0 },
    { STR_ROW("ES256"), KEY_P256, "SHA256", false, 32 },
    { STR_ROW("ES384"), KEY_P384, "SHA384", false, 48 },
    { STR_ROW("ES512"), KEY_P521, "SHA512", false, 66 },
    { STR_ROW("EdDSA"), KEY_ED25519, NULL, false, 0 },
};

/* ---- tokens ---------------------------------------------------------------------------------- */

/* Neither padding nor the other alphabet, which base64_decode takes, too. */
static bool decode(Str text, Arena *arena, Str *out, Err *err)
{
    Buf bytes = BUF(JWT_MAX);
    bool ok = text.len > 0 && !memchr(text.ptr, '=', text.len) &&
              !memchr(text.ptr, '+', text.len) && !memchr(text.ptr, '/', text.len) &&
              base64_decode(text, &bytes);
    if (!ok)
        fail(err, ERR_INPUT, "a part of the token is not base64url");
    ok = ok && arena_copy(arena, buf_str(&bytes), out, err);
    buf_free(&bytes);
    return ok;
}

static const JsonValue *object_of(Str part, Arena *arena, Err *err)
{
    Str text;
    const JsonValue *value = decode(part, arena, &text, err) ? json_tree(text, arena, err) : NULL;
    if (value && value->kind != JSON_OBJECT) {
        fail(err, ERR_INPUT, "a part of the token is no object");
        return NULL;
    }
    return value;
}

static Str text_member(const JsonValue *object, Str key)
{
    const JsonValue *value = json_member(object, key);
    return value && value->kind == JSON_TEXT ? value->text : (Str){ 0 };
}

bool jwt_parse(Str token, Arena *arena, Jwt *out, Err *err)
{
    Str rest = token, head, body;
    if (token.len > JWT_MAX)
        return fail(err, ERR_INPUT, "the token has more than %d bytes", JWT_MAX);
    if (!str_split(&rest, '.', &head) || !str_split(&rest, '.', &body) || !rest.len ||
        str_contains(rest, STR(".")))
        return fail(err, ERR_INPUT, "the token has not three parts");
    const JsonValue *header = object_of(head, arena, err);
    *out = (Jwt){ .covered = str_first(token, head.len + 1 + body.len) };
    if (!header)
        return false;
    if (json_member(header, STR("crit")))
        return fail(err, ERR_INPUT, "the token asks for an extension that is not known here");
    out->alg = text_member(header, STR("alg"));
    out->kid = text_member(header, STR("kid"));
    out->claims = object_of(body, arena, err);
    return out->claims && decode(rest, arena, &out->signature, err);
}

/* ---- keys ------------------------------------------------------------------------------------ */

typedef struct JwtKey {
    EVP_PKEY *key;
    KeyKind kind;
    char kid[KID_MAX], alg[16]; /* empty: any */
} JwtKey;

struct JwtKeys {
    Refs refs;
    const CryptoLibrary *library;
    JwtKey keys[JWT_KEYS_MAX];
    size_t count;
};

static void add_der(Buf *out, unsigned char tag, Str content)
{
    buf_add_byte(out, (char)tag);
    if (content.len >= 0x100)
        buf_add(out, (Str){ (const char[]){ (char)0x82, (char)(content.len >> 8) }, 2 });
    else if (content.len >= 0x80)
        buf_add_byte(out, (char)0x81);
    buf_add_byte(out, (char)(unsigned char)content.len);
    buf_add(out, content);
}

/* Unsigned, most significant byte first. */
static void add_der_number(Buf *out, Str bytes)
{
    Buf content = BUF(DER_MAX);
    while (bytes.len > 1 && !*bytes.ptr)
        bytes = str_skip(bytes, 1);
    if (!bytes.len || (unsigned char)*bytes.ptr >= 0x80)
        buf_add_byte(&content, 0);
    buf_add(&content, bytes);
    add_der(out, DER_INTEGER, buf_str(&content));
    out->failed = out->failed || content.failed;
    buf_free(&content);
}

static EVP_PKEY *key_from(const CryptoLibrary *library, Str algorithm, Str bits)
{
    Buf inner = BUF(DER_MAX), packed = BUF(DER_MAX), whole = BUF(DER_MAX);
    add_der(&inner, DER_SEQUENCE, algorithm);
    buf_add_byte(&packed, 0); /* no bits unused in the last byte */
    buf_add(&packed, bits);
    add_der(&inner, DER_BITS, buf_str(&packed));
    add_der(&whole, DER_SEQUENCE, buf_str(&inner));
    const unsigned char *at = (const unsigned char *)whole.ptr;
    EVP_PKEY *key = NULL;
    if (!inner.failed && !packed.failed && !whole.failed)
        key = library->d2i_PUBKEY(NULL, &at, (long)whole.len);
    library->ERR_clear_error();
    buf_free(&inner);
    buf_free(&packed);
    buf_free(&whole);
    return key;
}

static bool member_bytes(const JsonValue *json, Str name, Buf *out)
{
    return base64_decode(text_member(json, name), out) && out->len > 0;
}

static EVP_PKEY *rsa_key(const CryptoLibrary *library, const JsonValue *json)
{
    static const char algorithm[] = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
    Buf n = BUF(RSA_BITS_MAX / 8 + 1), e = BUF(EXPONENT_MAX), numbers = BUF(DER_MAX),
        sequence = BUF(DER_MAX);
    EVP_PKEY *key = NULL;
    if (member_bytes(json, STR("n"), &n) && member_bytes(json, STR("e"), &e)) {
        add_der_number(&numbers, buf_str(&n));
        add_der_number(&numbers, buf_str(&e));
        add_der(&sequence, DER_SEQUENCE, buf_str(&numbers));
        if (!numbers.failed && !sequence.failed)
            key = key_from(library, (Str){ algorithm, sizeof algorithm - 1 }, buf_str(&sequence));
    }
    int bits = key ? library->EVP_PKEY_get_bits(key) : 0;
    if (key && (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)) {
        library->EVP_PKEY_free(key);
        key = NULL;
    }
    buf_free(&n);
    buf_free(&e);
    buf_free(&numbers);
    buf_free(&sequence);
    return key;
}

static EVP_PKEY *point_key(const CryptoLibrary *library, const JsonValue *json, Str algorithm,
                           size_t size)
{
    Buf x = BUF(COORDINATE_MAX), y = BUF(COORDINATE_MAX), point = BUF(2 * COORDINATE_MAX + 1);
    bool ok = member_bytes(json, STR("x"), &x) && member_bytes(json, STR("y"), &y) &&
              x.len == size && y.len == size;
    buf_add_byte(&point, 4); /* both coordinates follow */
    buf_add(&point, buf_str(&x));
    buf_add(&point, buf_str(&y));
    EVP_PKEY *key = ok && !point.failed ? key_from(library, algorithm, buf_str(&point)) : NULL;
    buf_free(&x);
    buf_free(&y);
    buf_free(&point);
    return key;
}

static EVP_PKEY *ed25519_key(const CryptoLibrary *library, const JsonValue *json)
{
    Buf x = BUF(COORDINATE_MAX);
    EVP_PKEY *key = NULL;
    if (member_bytes(json, STR("x"), &x) && x.len == 32)
        key = key_from(library, STR("\x06\x03\x2b\x65\x70"), buf_str(&x));
    buf_free(&x);
    return key;
}

#define EC_OID "\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"

static EVP_PKEY *make_key(const CryptoLibrary *library, const JsonValue *json, KeyKind *kind)
{
    static const struct {
        Str name, algorithm;
        KeyKind kind;
        size_t size;
    } curves[] = {
        { STR_ROW("P-256"), STR_ROW(EC_OID "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"), KEY_P256,
          32 },
        { STR_ROW("P-384"), STR_ROW(EC_OID "\x06\x05\x2b\x81\x04\x00\x22"), KEY_P384, 48 },
        { STR_ROW("P-521"), STR_ROW(EC_OID "\x06\x05\x2b\x81\x04\x00\x23"), KEY_P521, 66 },
    };
    Str type = text_member(json, STR("kty")), curve = text_member(json, STR("crv"));
    if (str_eq(type, STR("RSA"))) {
        *kind = KEY_RSA;
        return rsa_key(library, json);
    }
    if (str_eq(type, STR("OKP")) && str_eq(curve, STR("Ed25519"))) {
        *kind = KEY_ED25519;
        return ed25519_key(library, json);
    }
    for (size_t i = 0; i < COUNT_OF(curves) && str_eq(type, STR("EC")); i++) {
        if (!str_eq(curve, curves[i].name))
            continue;
        *kind = curves[i].kind;
        return point_key(library, json, curves[i].algorithm, curves[i].size);
    }
    return NULL;
}

static bool copy_member(const JsonValue *json, Str name, char *out, size_t size)
{
    Str text = text_member(json, name);
    if (text.len >= size)
        return false;
    if (text.len)
        memcpy(out, text.ptr, text.len);
    out[text.len] = 0;
    return true;
}

static void take_key(JwtKeys *keys, const JsonValue *json)
{
    JwtKey *fresh = &keys->keys[keys->count];
    Str use = text_member(json, STR("use"));
    if ((use.len && !str_eq(use, STR("sig"))) ||
        !copy_member(json, STR("kid"), fresh->kid, sizeof fresh->kid) ||
        !copy_member(json, STR("alg"), fresh->alg, sizeof fresh->alg))
        return;
    fresh->key = make_key(keys->library, json, &fresh->kind);
    keys->count += fresh->key != NULL;
}

JwtKeys *jwt_keys_parse(Str json, Err *err)
{
    const CryptoLibrary *library = crypto_library(err);
    Arena *arena = library ? arena_new(32 * json.len + (64 << 10), err) : NULL;
    const JsonValue *root = arena ? json_tree(json, arena, err) : NULL;
    JwtKeys *keys = root ? MEM_MAKE(JwtKeys, 1, err) : NULL;
    if (keys) {
        refs_init(&keys->refs);
        keys->library = library;
        const JsonValue *list = json_member(root, STR("keys"));
        for (const JsonValue *item = list && list->kind == JSON_ARRAY ? list->first : NULL;
             item && keys->count < JWT_KEYS_MAX; item = item->next)
            take_key(keys, item);
        if (!keys->count) {
            fail(err, ERR_INPUT,
                 "no key of a kind that is known here (RSA of 2048 bits or more, "
                 "P-256, P-384, P-521, Ed25519)");
            jwt_keys_unref(keys);
            keys = NULL;
        }
    }
    arena_free(arena);
    return keys;
}

JwtKeys *jwt_keys_ref(JwtKeys *keys)
{
    if (keys)
        refs_take(&keys->refs);
    return keys;
}

void jwt_keys_unref(JwtKeys *keys)
{
    if (!keys || !refs_drop(&keys->refs))
        return;
    for (size_t i = 0; i < keys->count; i++)
        keys->library->EVP_PKEY_free(keys->keys[i].key);
    mem_free(keys);
}

/* ---- signatures ------------------------------------------------------------------------------ */

static bool check(const CryptoLibrary *library, const struct Algorithm *algorithm, EVP_PKEY *key,
                  Str signature, Str covered)
{
    EVP_MD_CTX *context = library->EVP_MD_CTX_new();
    EVP_PKEY_CTX *inner = NULL;
    bool ok =
        context &&
        library->EVP_DigestVerifyInit_ex(context, &inner, algorithm->digest, NULL, NULL, key,
                                         NULL) == 1 &&
        (!algorithm->pss ||
         (library->EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PSS_PADDING) == 1 &&
          library->EVP_PKEY_CTX_set_rsa_pss_saltlen(inner, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
        library->EVP_DigestVerify(context, (const unsigned char *)signature.ptr, signature.len,
                                  (const unsigned char *)covered.ptr, covered.len) == 1;
    library->EVP_MD_CTX_free(context);
    library->ERR_clear_error();
    return ok;
}

static bool signature_of(const struct Algorithm *algorithm, const Jwt *jwt, Buf *out)
{
    size_t half = algorithm->coordinate;
    if (!half) {
        buf_add(out, jwt->signature);
        return !out->failed;
    }
    Buf numbers = BUF(DER_MAX);
    if (jwt->signature.len == 2 * half) {
        add_der_number(&numbers, str_first(jwt->signature, half));
        add_der_number(&numbers, str_skip(jwt->signature, half));
        add_der(out, DER_SEQUENCE, buf_str(&numbers));
    }
    bool ok = numbers.len > 0 && !numbers.failed && !out->failed;
    buf_free(&numbers);
    return ok;
}

static bool may_check(const JwtKey *key, const struct Algorithm *algorithm, const Jwt *jwt)
{
    return key->kind == algorithm->kind &&
           (!key->alg[0] || str_eq(str_from(key->alg), algorithm->name)) &&
           (!key->kid[0] || !jwt->kid.len || str_eq(str_from(key->kid), jwt->kid));
}

static JwtVerdict try_keys(const Jwt *jwt, const struct Algorithm *algorithm, const JwtKeys *keys,
                           Err *err)
{
    Buf signature = BUF(JWT_MAX);
    size_t tried = 0;
    bool good = false, fits = signature_of(algorithm, jwt, &signature);
    for (size_t i = 0; i < keys->count && tried < TRIES_MAX && !good; i++) {
        if (!may_check(&keys->keys[i], algorithm, jwt))
            continue;
        tried++;
        good = fits && check(keys->library, algorithm, keys->keys[i].key, buf_str(&signature),
                             jwt->covered);
    }
    buf_free(&signature);
    if (good)
        return JWT_GOOD;
    fail(err, ERR_INPUT,
         tried ? "the signature of the token is wrong" : "the issuer has no key for the token");
    return tried ? JWT_BAD : JWT_NO_KEY;
}

JwtVerdict jwt_verify(const Jwt *jwt, const JwtKeys *keys, Err *err)
{
    for (size_t i = 0; i < COUNT_OF(algorithms); i++)
        if (str_eq(jwt->alg, algorithms[i].name))
            return try_keys(jwt, &algorithms[i], keys, err);
    fail(err, ERR_INPUT, "the algorithm of the token is not allowed");
    return JWT_BAD;
}
