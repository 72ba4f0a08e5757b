/* Tokens signed by keys of the test's own (OpenSSL), and an issuer of its own over real HTTP. */
#include "base/log.h"
#include "net/grpc.h"
#include "net/server.h"
#include "support/auth_ends.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

extern const ComponentType oidc_extension, bearertokenauth_extension;

enum { NOW = 1800000000, TEXT_MAX = 8192 };

/* ---- keys ---- */

typedef enum KeyName { RSA_A, RSA_B, RSA_SMALL, P256, P384, P521, ED } KeyName;
static EVP_PKEY *keys[ED + 1];

static int make_keys(void **state)
{
    (void)state;
    keys[RSA_A] = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    keys[RSA_B] = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    keys[RSA_SMALL] = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
    keys[P256] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    keys[P384] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
    keys[P521] = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-521");
    keys[ED] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (!keys[i])
            return -1;
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        EVP_PKEY_free(keys[i]);
    return 0;
}

static void add_base64url(Buf *out, const void *bytes, size_t len)
{
    size_t from = out->len;
    base64_encode((Str){ bytes, len }, out);
    for (; from < out->len; from++)
        out->ptr[from] = out->ptr[from] == '+' ? '-' : out->ptr[from] == '/' ? '_' : out->ptr[from];
}

static void add_number(Buf *out, const EVP_PKEY *key, const char *name)
{
    BIGNUM *number = NULL;
    unsigned char bytes[512];
    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &number), 1);
    add_base64url(out, bytes, (size_t)BN_bn2bin(number, bytes));
    BN_free(number);
}

/* One key as JWK; more: further members, each with a comma in front. */
static void add_jwk(Buf *out, KeyName name, const char *kid, const char *more)
{
    static const char *const curves[] = { [P256] = "P-256", [P384] = "P-384", [P521] = "P-521" };
    unsigned char raw[256];
    size_t len = sizeof raw;
    buf_addf(out, "%s{\"kid\":\"%s\"%s,", out->len > 9 ? "," : "", kid, more);
    if (name <= RSA_SMALL) {
        buf_addf(out, "\"kty\":\"RSA\",\"n\":\"");
        add_number(out, keys[name], OSSL_PKEY_PARAM_RSA_N);
        buf_addf(out, "\",\"e\":\"");
        add_number(out, keys[name], OSSL_PKEY_PARAM_RSA_E);
    } else if (name == ED) {
        assert_int_equal(EVP_PKEY_get_raw_public_key(keys[name], raw, &len), 1);
        buf_addf(out, "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"");
        add_base64url(out, raw, len);
    } else {
        assert_int_equal(EVP_PKEY_get_octet_string_param(keys[name], OSSL_PKEY_PARAM_PUB_KEY, raw,
                                                         sizeof raw, &len),
                         1);
        buf_addf(out, "\"kty\":\"EC\",\"crv\":\"%s\",\"x\":\"", curves[name]);
        add_base64url(out, raw + 1, (len - 1) / 2);
        buf_addf(out, "\",\"y\":\"");
        add_base64url(out, raw + 1 + (len - 1) / 2, (len - 1) / 2);
    }
    buf_addf(out, "\"}");
}

/* ---- tokens ---- */

/* OpenSSL's DER of an ECDSA signature as two numbers side by side. */
static size_t flatten(unsigned char *signature, size_t len, int half)
{
    const unsigned char *at = signature;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)len);
    assert_non_null(pair);
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, half);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + half, half);
    ECDSA_SIG_free(pair);
    return (size_t)half * 2;
}

static size_t make_signature(KeyName name, const char *digest, bool pss, Str text,
                             unsigned char *out)
{
    static const int halves[] = { [P256] = 32, [P384] = 48, [P521] = 66, [ED] = 0 };
    size_t len = 1024;
    EVP_PKEY_CTX *inner;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit_ex(context, &inner, digest, NULL, NULL, keys[name], NULL),
                     1);
    if (pss) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(inner, RSA_PSS_SALTLEN_DIGEST), 1);
    }
    assert_int_equal(EVP_DigestSign(context, out, &len, (const unsigned char *)text.ptr, text.len),
                     1);
    EVP_MD_CTX_free(context);
    return halves[name] ? flatten(out, len, halves[name]) : len;
}

static const struct Algorithm {
    const char *name, *digest;
    bool pss;
    KeyName key;
} algorithms[] = {
    { "RS256", "SHA256", false, RSA_A }, { "RS384", "SHA384", false, RSA_A },
    { "RS512", "SHA512", false, RSA_A }, { "PS256", "SHA256", true, RSA_A },
    { "PS384", "SHA384", true, RSA_A },  { "PS512", "SHA512", true, RSA_A },
    { "ES256", "SHA256", false, P256 },  { "ES384", "SHA384", false, P384 },
    { "ES512", "SHA512", false, P521 },  { "EdDSA", NULL, false, ED },
};

/* "authorization: Bearer <token>": the header is written as given, the signature is of `how`. */
static void make_token(char out[TEXT_MAX], const char *header, const char *claims,
                       const struct Algorithm *how)
{
    unsigned char signature[1024];
    Buf text = BUF(TEXT_MAX);
    add_base64url(&text, header, strlen(header));
    buf_add_byte(&text, '.');
    add_base64url(&text, claims, strlen(claims));
    size_t len = make_signature(how->key, how->digest, how->pss, buf_str(&text), signature);
    buf_add_byte(&text, '.');
    add_base64url(&text, signature, len);
    snprintf(out, TEXT_MAX, "authorization: Bearer %s", buf_text(&text));
    buf_free(&text);
}

#define CLAIMS(more) \
    "{\"iss\":\"http://issuer.test\",\"aud\":\"us\",\"sub\":\"ann\",\"exp\":1800000300" more "}"

/* ---- an authenticator with its keys in a file ---- */

static char path[] = "/tmp/oidc_keys.XXXXXX";

static void save(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_true(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void save_keys(void)
{
    Buf json = BUF(1 << 16);
    buf_addf(&json, "{\"keys\":[");
    add_jwk(&json, RSA_A, "rsa", "");
    add_jwk(&json, RSA_B, "only256", ",\"alg\":\"RS256\",\"use\":\"sig\"");
    add_jwk(&json, RSA_SMALL, "small", "");
    add_jwk(&json, RSA_B, "enc", ",\"use\":\"enc\"");
    add_jwk(&json, P256, "p256", "");
    add_jwk(&json, P384, "p384", "");
    add_jwk(&json, P521, "p521", "");
    add_jwk(&json, ED, "ed", "");
    buf_addf(&json, ",{\"kty\":\"oct\",\"kid\":\"oct\",\"k\":\"c2VjcmV0\"},{},7]}");
    save(buf_text(&json));
    buf_free(&json);
}

static TestHost *start(const char *more)
{
    char yaml[512];
    snprintf(yaml, sizeof yaml,
             "{issuer_url: 'http://issuer.test', audience: us, public_keys_file: %s%s}", path,
             more);
    TestHost *host = auth_start(&oidc_extension, yaml);
    test_host_clock(host)->wall = NOW * NANOS_PER_SECOND;
    return host;
}

static void expect(TestHost *host, const char *line, const char *says)
{
    Err err;
    const char *said = auth_asked(host, line, &err, NULL);
    if (!said != !says || (says && !strstr(said, says)))
        fail_msg("%.60s: not \"%s\" but \"%s\"", line, says ? says : "let in",
                 said ? said : "let in");
    if (said)
        assert_int_equal(err.kind, ERR_UNKNOWN);
}

static void wrong_settings_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *says;
    } rows[] = {
        { "{}", "no Audience provided for the OIDC configuration" },
        { "{audience: a}", "no IssuerURL provided for the OIDC configuration" },
        { "{ignore_audience: true}", "no IssuerURL provided for the OIDC configuration" },
        { "{issuer_url: 'http://a'}", "no Audience provided for the OIDC configuration" },
        { "{issuer_url: 'a:1', audience: a}", "issuer_url: must begin with" },
        { "{providers: [{audience: a}]}", "no IssuerURL provided" },
        { "{providers: [{issuer_url: 'http://a', audience: a}, {issuer_url: 'http://a', audience: "
          "b}]}",
          "duplicate issuer URL found: http://a" },
        { "{issuer_url: 'http://a', audience: a, public_keys_file: /nowhere}",
          "public_keys_file: " },
        { "{issuer_url: 'http://a', audience: a, public_keys_file: /dev/null}",
          "public_keys_file /dev/null: " },
        { "{issuer_url: 'https://a', audience: a, issuer_ca_path: /nowhere}", "issuer_ca_path: " },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        auth_refuses(&oidc_extension, rows[i].yaml, rows[i].says);
}

static void every_algorithm_is_known_and_bound_to_its_kind_of_key(void **state)
{
    (void)state;
    char line[TEXT_MAX], header[128];
    save_keys();
    TestHost *host = start("");
    for (size_t i = 0; i < COUNT_OF(algorithms); i++) {
        snprintf(header, sizeof header, "{\"alg\":\"%s\"}", algorithms[i].name);
        make_token(line, header, CLAIMS(""), &algorithms[i]);
        expect(host, line, NULL);
        char *late = line + strlen(line) - 2; /* not the last: its bits may be unused */
        *late = *late == 'A' ? 'B' : 'A';
        expect(host, line, "the signature of the token is wrong");
        for (size_t k = 0; k < COUNT_OF(algorithms); k++) {
            snprintf(header, sizeof header, "{\"alg\":\"%s\"}", algorithms[k].name);
            make_token(line, header, CLAIMS(""), &algorithms[i]);
            expect(host, line, k == i ? NULL : "the signature of the token is wrong");
        }
    }
    test_host_free(host);
}

static const struct {
    const char *header, *claims, *says;
} claims[] = {
    { "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", CLAIMS(""), NULL },
    { "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":\"at+jwt\"}", CLAIMS(""), NULL },
    { "{\"alg\":\"RS256\",\"kid\":\"only256\"}", CLAIMS(""),
      "the signature of the token is wrong" },
    { "{\"alg\":\"RS384\",\"kid\":\"only256\"}", CLAIMS(""), "no key for the token" },
    { "{\"alg\":\"RS256\",\"kid\":\"small\"}", CLAIMS(""), "no key for the token" },
    { "{\"alg\":\"RS256\",\"kid\":\"enc\"}", CLAIMS(""), "no key for the token" },
    { "{\"alg\":\"RS256\",\"kid\":\"p256\"}", CLAIMS(""), "no key for the token" },
    { "{\"alg\":\"ES256\",\"kid\":\"rsa\"}", CLAIMS(""), "no key for the token" },
    { "{\"alg\":\"RS256\",\"kid\":\"other\"}", CLAIMS(""), "no key for the token" },
    { "{\"alg\":\"none\"}", CLAIMS(""), "the algorithm of the token is not allowed" },
    { "{\"alg\":\"None\"}", CLAIMS(""), "the algorithm of the token is not allowed" },
    { "{\"alg\":\"HS256\",\"kid\":\"oct\"}", CLAIMS(""),
      "the algorithm of the token is not allowed" },
    { "{\"alg\":\"rs256\"}", CLAIMS(""), "the algorithm of the token is not allowed" },
    { "{\"alg\":256}", CLAIMS(""), "the algorithm of the token is not allowed" },
    { "{\"alg\":[\"RS256\"]}", CLAIMS(""), "the algorithm of the token is not allowed" },
    { "{}", CLAIMS(""), "the algorithm of the token is not allowed" },
    { "{\"alg\":\"RS256\",\"crit\":[\"exp\"]}", CLAIMS(""), "asks for an extension" },
    { "[]", CLAIMS(""), "no object" },
    { "{\"alg\":\"RS256\"", CLAIMS(""), "" },
    { "{\"alg\":\"RS256\"}", "[]", "no object" },
    { "{\"alg\":\"RS256\"}", "{}", "of another issuer" },
    { "{\"alg\":\"RS256\"}", "{\"iss\":\"http://issuer.test/\",\"aud\":\"us\",\"exp\":1800000300}",
      "of another issuer" },
    { "{\"alg\":\"RS256\"}", "{\"iss\":[\"http://issuer.test\"],\"aud\":\"us\",\"exp\":1800000300}",
      "of another issuer" },
    { "{\"alg\":\"RS256\"}", "{\"iss\":\"http://issuer.test\",\"exp\":1800000300}",
      "for another audience" },
    { "{\"alg\":\"RS256\"}", "{\"iss\":\"http://issuer.test\",\"aud\":\"them\",\"exp\":1800000300}",
      "for another audience" },
    { "{\"alg\":\"RS256\"}",
      "{\"iss\":\"http://issuer.test\",\"aud\":[\"them\",\"us\"],\"exp\":1800000300}", NULL },
    { "{\"alg\":\"RS256\"}",
      "{\"iss\":\"http://issuer.test\",\"aud\":{\"us\":1},\"exp\":1800000300}",
      "for another audience" },
    { "{\"alg\":\"RS256\"}", "{\"iss\":\"http://issuer.test\",\"aud\":\"us\"}",
      "does not say when it ends" },
    { "{\"alg\":\"RS256\"}",
      "{\"iss\":\"http://issuer.test\",\"aud\":\"us\",\"exp\":\"1800000300\"}",
      "does not say when it ends" },
    { "{\"alg\":\"RS256\"}", "{\"iss\":\"http://issuer.test\",\"aud\":\"us\",\"exp\":1799999941}",
      NULL },
    { "{\"alg\":\"RS256\"}", "{\"iss\":\"http://issuer.test\",\"aud\":\"us\",\"exp\":1799999940}",
      "the token has ended" },
    { "{\"alg\":\"RS256\"}", "{\"iss\":\"http://issuer.test\",\"aud\":\"us\",\"exp\":-1}",
      "the token has ended" },
    { "{\"alg\":\"RS256\"}", CLAIMS(",\"nbf\":1800000060"), NULL },
    { "{\"alg\":\"RS256\"}", CLAIMS(",\"nbf\":1800000061"), "is not valid yet" },
    { "{\"alg\":\"RS256\"}", CLAIMS(",\"nbf\":\"soon\""), "is not valid yet" },
};

static void a_token_is_believed_for_what_it_says(void **state)
{
    (void)state;
    save_keys();
    TestHost *host = start("");
    for (size_t i = 0; i < COUNT_OF(claims); i++) {
        char line[TEXT_MAX];
        make_token(line, claims[i].header, claims[i].claims, &algorithms[0]);
        expect(host, line, claims[i].says);
    }
    test_host_free(host);
}

/* An HMAC whose secret is the text of the public key: the oldest trick. */
static void a_public_key_is_no_secret(void **state)
{
    (void)state;
    unsigned char made[32], *der = NULL;
    char line[TEXT_MAX];
    Buf text = BUF(TEXT_MAX);
    save_keys();
    TestHost *host = start("");
    add_base64url(&text, "{\"alg\":\"HS256\",\"kid\":\"rsa\"}", 27);
    buf_add_byte(&text, '.');
    add_base64url(&text, CLAIMS(""), strlen(CLAIMS("")));
    int len = i2d_PUBKEY(keys[RSA_A], &der);
    HMAC(EVP_sha256(), der, len, (const unsigned char *)text.ptr, text.len, made, NULL);
    buf_add_byte(&text, '.');
    add_base64url(&text, made, sizeof made);
    snprintf(line, sizeof line, "authorization: Bearer %s", buf_text(&text));
    expect(host, line, "the algorithm of the token is not allowed");
    OPENSSL_free(der);
    buf_free(&text);
    test_host_free(host);
}

static void what_is_no_token_is_refused(void **state)
{
    (void)state;
    char line[TEXT_MAX], good[TEXT_MAX];
    save_keys();
    TestHost *host = start("");
    static const struct {
        const char *line, *says;
    } rows[] = {
        { "authorization:", "authentication didn't succeed" },
        { "authorization: Bearer", "invalid authorization header format" },
        { "authorization: Basic YTpi", "invalid authorization header format" },
        { "authorization: Bearer x", "has not three parts" },
        { "authorization: Bearer a.b", "has not three parts" },
        { "authorization: Bearer a.b.c.d", "has not three parts" },
        { "authorization: Bearer e30.e30.", "has not three parts" },
        { "authorization: Bearer ..", "" },
        { "authorization: Bearer e30..e30", "not base64url" },
        { "authorization: Bearer e30=.e30.e30", "not base64url" },
        { "authorization: Bearer e+0.e30.e30", "not base64url" },
        { "authorization: Bearer e/0.e30.e30", "not base64url" },
        { "authorization: Bearer e 0.e30.e30", "not base64url" },
        { "authorization: Bearer AAAA.AAAA.AAAA", "" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect(host, rows[i].line, rows[i].says);
    make_token(good, "{\"alg\":\"ES256\"}", CLAIMS(""), &algorithms[6]);
    expect(host, good, NULL);
    size_t from = strlen("authorization: Bearer ");
    for (size_t len = from; len < strlen(good); len++) { /* cut anywhere */
        snprintf(line, sizeof line, "%.*s", (int)len, good);
        expect(host, line, "");
    }
    for (size_t at = from; at + 1 < strlen(good); at++) { /* and with any byte changed */
        snprintf(line, sizeof line, "%s", good);
        line[at] = line[at] == 'A' ? 'B' : 'A';
        expect(host, line, "");
    }
    test_host_free(host);
}

static void expect_known(const char *more, const char *given, const char *known, const char *says)
{
    Err err;
    char line[TEXT_MAX];
    Buf out = BUF(TEXT_MAX);
    TestHost *host = start(more);
    make_token(line, "{\"alg\":\"RS256\"}", given, &algorithms[0]);
    const char *said = auth_asked(host, line, &err, &out);
    if (says)
        assert_true(said && strstr(said, says));
    else if (said)
        fail_msg("%s: %s", given, said);
    else if (!str_starts(buf_str(&out), str_from(known)))
        fail_msg("%s: %s", given, buf_text(&out));
    buf_free(&out);
    test_host_free(host);
}

static void who_comes_in_is_known_by_its_claims(void **state)
{
    (void)state;
    save_keys();
    expect_known("", CLAIMS(""), " subject=ann raw=ey", NULL);
    expect_known(", username_claim: email", CLAIMS(",\"email\":\"a@b\""),
                 " subject=a@b raw=", NULL);
    expect_known(", username_claim: email", CLAIMS(""), NULL, "username claim from the OIDC");
    expect_known(", username_claim: email", CLAIMS(",\"email\":1"), NULL, "isn't a regular string");
    expect_known(", groups_claim: g", CLAIMS(",\"g\":[\"x\",\"y\"]"),
                 " subject=ann membership=x membership=y raw=", NULL);
    expect_known(", groups_claim: g", CLAIMS(",\"g\":\"x\""),
                 " subject=ann membership=x raw=", NULL);
    expect_known(", groups_claim: g", CLAIMS(",\"g\":[1]"), NULL, "the groups of the token");
    expect_known(", groups_claim: g", CLAIMS(",\"g\":{}"), NULL, "the groups of the token");
    expect_known(", groups_claim: g", CLAIMS(""), NULL, "groups claim from the OIDC");
    expect_known(", ignore_audience: true",
                 "{\"iss\":\"http://issuer.test\",\"exp\":1800000300,\"sub\":\"b\"}", " subject=b",
                 NULL);
    expect_known(", ignore_issuer: true", "{\"aud\":\"us\",\"exp\":1800000300,\"sub\":\"b\"}",
                 " subject=b", NULL);
}

static void keys_in_a_file_are_read_again(void **state)
{
    (void)state;
    char old[TEXT_MAX], fresh[TEXT_MAX];
    Buf json = BUF(1 << 16);
    save_keys();
    TestHost *host = start("");
    struct Algorithm b = { "RS256", "SHA256", false, RSA_B };
    make_token(old, "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", CLAIMS(""), &algorithms[0]);
    make_token(fresh, "{\"alg\":\"RS256\",\"kid\":\"new\"}", CLAIMS(""), &b);
    expect(host, old, NULL);
    expect(host, fresh, "no key for the token");
    buf_addf(&json, "{\"keys\":[");
    add_jwk(&json, RSA_B, "new", "");
    buf_addf(&json, "]}");
    save(buf_text(&json));
    test_host_tick(host, 2 * NANOS_PER_SECOND);
    expect(host, fresh, NULL);
    expect(host, old, "no key for the token");
    save("{\"keys\":[]}");
    test_host_tick(host, 2 * NANOS_PER_SECOND);
    expect(host, fresh, NULL);
    buf_free(&json);
    test_host_free(host);
}

/* ---- an issuer ---- */

typedef struct Issuer {
    Loop *loop;
    Server *server;
    char url[64];
    const char *calls_itself; /* NULL: by its url */
    Buf keys;
    int documents, sets;
    int status;
} Issuer;

static void answer_json(Request *request, int status, Str json)
{
    Buf body = BUF(1 << 16);
    buf_add(&body, json);
    request_answer(request, &(Answer){ .status = status,
                                       .content_type = STR("application/json"),
                                       .body = body });
}

static void tell_document(void *owner, Request *request)
{
    Issuer *issuer = owner;
    char json[256];
    issuer->documents++;
    snprintf(json, sizeof json, "{\"issuer\":\"%s\",\"jwks_uri\":\"%s/keys\"}",
             issuer->calls_itself ? issuer->calls_itself : issuer->url, issuer->url);
    answer_json(request, issuer->status, str_from(json));
}

static void tell_keys(void *owner, Request *request)
{
    Issuer *issuer = owner;
    issuer->sets++;
    answer_json(request, 200, buf_str(&issuer->keys));
}

static void issuer_keys(Issuer *issuer, KeyName name, const char *kid)
{
    buf_clear(&issuer->keys);
    buf_addf(&issuer->keys, "{\"keys\":[");
    add_jwk(&issuer->keys, name, kid, "");
    buf_addf(&issuer->keys, "]}");
}

static void issuer_begin(Issuer *issuer)
{
    Err err = { 0 };
    char address[ADDRESS_TEXT_SIZE];
    *issuer = (Issuer){ .keys = BUF(1 << 16), .status = 200, .loop = loop_new(NULL, NULL, &err) };
    issuer->server =
        server_new(&(ServerSettings){ .loop = issuer->loop, .endpoint = STR("127.0.0.1:0") }, &err);
    const Route document = { .path = STR("/.well-known/openid-configuration"),
                             .methods = STR("GET"),
                             .handle = tell_document,
                             .owner = issuer };
    const Route set = {
        .path = STR("/keys"), .methods = STR("GET"), .handle = tell_keys, .owner = issuer
    };
    assert_true(issuer->server && server_route(issuer->server, &document, &err) &&
                server_route(issuer->server, &set, &err) && server_listen(issuer->server, &err));
    Address at = server_address(issuer->server);
    snprintf(issuer->url, sizeof issuer->url, "http://%s", address_text(&at, address));
    issuer_keys(issuer, RSA_A, "a");
}

static void issuer_end(Issuer *issuer)
{
    server_free(issuer->server);
    loop_free(issuer->loop);
    buf_free(&issuer->keys);
}

static void turn(Issuer *issuer, TestHost *host, const int *count, int wanted)
{
    for (int i = 0; i < 3000 && *count < wanted; i++) {
        loop_step(issuer->loop, 0);
        test_host_turn(host);
        usleep(1000);
    }
    for (int i = 0; i < 50; i++) {
        loop_step(issuer->loop, 0);
        test_host_turn(host);
        usleep(200);
    }
    assert_int_equal(*count, wanted);
}

/* others: further providers, each with a comma behind. */
static TestHost *start_with(Issuer *issuer, const char *others)
{
    char yaml[512];
    snprintf(yaml, sizeof yaml, "{providers: [%s{issuer_url: '%s', audience: us}]}", others,
             issuer->url);
    TestHost *host = auth_start(&oidc_extension, yaml);
    test_host_clock(host)->wall = NOW * NANOS_PER_SECOND;
    return host;
}

static void token_of(Issuer *issuer, const char *kid, KeyName key, char out[TEXT_MAX])
{
    char header[64], body[256];
    struct Algorithm how = { "RS256", "SHA256", false, key };
    snprintf(header, sizeof header, "{\"alg\":\"RS256\",\"kid\":\"%s\"}", kid);
    snprintf(body, sizeof body,
             "{\"iss\":\"%s\",\"aud\":\"us\",\"sub\":\"ann\",\"exp\":4102444800}", issuer->url);
    make_token(out, header, body, &how);
}

static void expect_busy(TestHost *host, const char *line)
{
    Err err;
    assert_non_null(auth_asked(host, line, &err, NULL));
    assert_int_equal(err.kind, ERR_BUSY);
    assert_int_equal(err.retry_ms, 1000);
}

static void keys_come_from_the_issuer_and_newer_ones_when_a_token_names_them(void **state)
{
    (void)state;
    Issuer issuer;
    char first[TEXT_MAX], second[TEXT_MAX];
    issuer_begin(&issuer);
    TestHost *host = start_with(&issuer, "");
    token_of(&issuer, "a", RSA_A, first);
    token_of(&issuer, "b", RSA_B, second);
    expect_busy(host, first); /* not there yet */
    turn(&issuer, host, &issuer.sets, 1);
    expect(host, first, NULL);
    expect(host, second, "no key for the token"); /* asked a moment ago */
    turn(&issuer, host, &issuer.sets, 1);
    issuer_keys(&issuer, RSA_B, "b");
    test_clock_advance(test_host_clock(host), 11 * NANOS_PER_SECOND);
    expect_busy(host, second);
    expect_busy(host, second);
    turn(&issuer, host, &issuer.sets, 2);
    expect(host, second, NULL);
    for (int i = 0; i < 100; i++)
        expect(host, first, "no key for the token");
    turn(&issuer, host, &issuer.sets, 2);
    test_clock_advance(test_host_clock(host), 3601 * NANOS_PER_SECOND);
    turn(&issuer, host, &issuer.sets, 3); /* by itself, every hour */
    test_host_free(host);
    issuer_end(&issuer);
}

static void an_issuer_that_fails_is_asked_again_and_keys_stay(void **state)
{
    (void)state;
    Issuer issuer;
    char line[TEXT_MAX];
    issuer_begin(&issuer);
    issuer.status = 503;
    TestHost *host = start_with(&issuer, "");
    token_of(&issuer, "a", RSA_A, line);
    turn(&issuer, host, &issuer.documents, 1);
    expect_busy(host, line);
    issuer.status = 200;
    issuer.calls_itself = "http://somebody.else";
    test_clock_advance(test_host_clock(host), NANOS_PER_SECOND);
    turn(&issuer, host, &issuer.documents, 2);
    assert_int_equal(issuer.sets, 0);
    expect_busy(host, line);
    issuer.calls_itself = NULL;
    test_clock_advance(test_host_clock(host), 2 * NANOS_PER_SECOND);
    turn(&issuer, host, &issuer.sets, 1);
    expect(host, line, NULL);
    issuer.status = 500;
    test_clock_advance(test_host_clock(host), 3601 * NANOS_PER_SECOND);
    turn(&issuer, host, &issuer.documents, 4);
    expect(host, line, NULL);
    test_host_free(host);
    issuer_end(&issuer);
}

static void the_issuer_of_a_token_chooses_its_provider(void **state)
{
    (void)state;
    char line[TEXT_MAX];
    char other[256];
    Issuer issuer;
    save_keys();
    issuer_begin(&issuer);
    snprintf(other, sizeof other,
             "{issuer_url: 'http://issuer.test', audience: us, public_keys_file: %s}, ", path);
    TestHost *host = start_with(&issuer, other);
    turn(&issuer, host, &issuer.sets, 1);
    make_token(line, "{\"alg\":\"ES256\"}", CLAIMS(""), &algorithms[6]);
    expect(host, line, NULL);
    token_of(&issuer, "a", RSA_A, line);
    expect(host, line, NULL);
    make_token(line, "{\"alg\":\"ES256\"}", "{\"iss\":\"http://c\",\"exp\":1900000000}",
               &algorithms[6]);
    expect(host, line, "the token is of another issuer");
    test_host_free(host);
    issuer_end(&issuer);
}

/* ---- to a receiver ---- */

static void exporters_with_such_a_token_come_in(void **state)
{
    (void)state;
    char line[TEXT_MAX], yaml[TEXT_MAX];
    save_keys();
    TestHost *server = start(", attribute: X-Token");
    for (int i = 0; i < 4; i++) {
        AuthEnds ends;
        make_token(line, "{\"alg\":\"EdDSA\"}", CLAIMS(""), &algorithms[i < 2 ? 9 : 0]);
        snprintf(yaml, sizeof yaml, "{header: X-Token, token: '%s'}",
                 line + strlen("authorization: Bearer "));
        TestHost *client = auth_start(&bearertokenauth_extension, yaml);
        auth_ends_begin(&ends, &(AuthWish){ .grpc = i % 2, .server = server, .client = client });
        const AckOutcome *outcome = auth_ends_push(&ends);
        assert_int_equal(outcome->result == ACK_DELIVERED, i < 2);
        if (i < 2)
            assert_true(
                str_eq(client_info_get(auth_ends_client(&ends), CLIENT_AUTH, STR("subject")),
                       STR("ann")));
        else
            assert_non_null(strstr(outcome->reason.text, "the signature of the token is wrong"));
        auth_ends_end(&ends);
        test_host_free(client);
    }
    test_host_free(server);
}

static int begin(void **state)
{
    int fd = mkstemp(path);
    return fd < 0 || close(fd) != 0 ? -1 : make_keys(state);
}

static int end(void **state)
{
    unlink(path);
    return free_keys(state);
}

int main(void)
{
    log_set_level(LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_settings_are_told),
        cmocka_unit_test(every_algorithm_is_known_and_bound_to_its_kind_of_key),
        cmocka_unit_test(a_token_is_believed_for_what_it_says),
        cmocka_unit_test(a_public_key_is_no_secret),
        cmocka_unit_test(what_is_no_token_is_refused),
        cmocka_unit_test(who_comes_in_is_known_by_its_claims),
        cmocka_unit_test(keys_in_a_file_are_read_again),
        cmocka_unit_test(keys_come_from_the_issuer_and_newer_ones_when_a_token_names_them),
        cmocka_unit_test(an_issuer_that_fails_is_asked_again_and_keys_stay),
        cmocka_unit_test(the_issuer_of_a_token_chooses_its_provider),
        cmocka_unit_test(exporters_with_such_a_token_come_in),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
