/* tls_fault.c - why a TLS connection failed; see tls_fault_internal.h.
 *
 * All of these are ERR_IO, worth another try: certificates are renewed, files are reloaded and
 * ports mended while data waits, and none of it says anything about the data.
 */
#include "net/tls_fault_internal.h"

#include <string.h>

/* ---- what came first ---- */

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

bool tls_witness_begins(TlsWitness *seen, Str bytes)
{
    size_t room = sizeof seen->first - seen->first_len;
    Str part = str_first(bytes, room);
    if (part.len > 0)
        memcpy(seen->first + seen->first_len, part.ptr, part.len);
    seen->first_len += part.len;
    seen->met_http = seen->is_server && is_upper(seen->first[0]); /* a method; no record is so */
    return !seen->met_http;
}

static Str first_of(const TlsWitness *seen)
{
    return (Str){ seen->first, seen->first_len };
}

/* Records of TLS begin with their type: alert or handshake. */
static bool began_with_tls(const TlsWitness *seen)
{
    return seen->first_len == 0 || seen->first[0] == 21 || seen->first[0] == 22;
}

/* ---- certificates ---- */

static const char *verify_fault(long result)
{
    switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return "has expired (or the clock here is wrong)";
    case X509_V_ERR_CERT_NOT_YET_VALID: return "is not valid yet (or the clock here is wrong)";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN: return "is signed by an unknown authority";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return "is for another name";
    default: return NULL;
    }
}

static const char *verify_remedy(long result, bool is_server)
{
    switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID: return "";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "; dial the name it is for, or set server_name_override to it";
    default:
        return is_server ? "; client_ca_file must hold its authority"
                         : "; set ca_file to its authority's certificate";
    }
}

static void explain_verify(const TlsLibrary *library, const TlsWitness *seen, Err *err)
{
    const char *fault = verify_fault(seen->verify_result);
    const char *remedy = verify_remedy(seen->verify_result, seen->is_server);
    if (!fault)
        fault = library->X509_verify_cert_error_string(seen->verify_result);
    if (seen->is_server)
        fail(err, ERR_IO, "the certificate that the client showed %s%s", fault, remedy);
    else
        fail(err, ERR_IO, "the certificate of %s %s%s", seen->host, fault, remedy);
}

/* ---- everything else ---- */

static const char *reason_text(int reason)
{
    switch (reason) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return "the client showed no certificate, and client_ca_file demands one";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return "the peer demands a certificate from us; set cert_file and key_file";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        return "the peer does not know the authority that signed our certificate";
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN: return "the peer refuses our certificate";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED: return "the peer says that our certificate expired";
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
        return "the peer accepts none of our cipher suites, or demands a certificate from us";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_WRONG_SSL_VERSION:
        return "the peer offers no TLS version that min_version and max_version allow";
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        return "the peer refuses the TLS versions that min_version and max_version allow";
    case SSL_R_NO_SHARED_CIPHER: return "the peer offers no cipher suite that is allowed here";
    case SSL_R_NO_APPLICATION_PROTOCOL: return "the peer offers neither h2 nor http/1.1 (ALPN)";
    case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
        return "the peer does not agree on a protocol (ALPN): is this the right port?";
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
        return "the peer closed the connection without ending TLS: what came may be cut short";
    default: return NULL;
    }
}

static void explain_no_tls(const TlsWitness *seen, Err *err)
{
    if (seen->met_http)
        fail(err, ERR_IO, "a request in plain text on a port that expects TLS");
    else if (str_starts(first_of(seen), STR("HTTP/")))
        fail(err, ERR_IO, "%s answers in plain HTTP: this port does not speak TLS (use http://)",
             seen->host);
    else
        fail(err, ERR_IO, "%s is no TLS: it begins with the byte 0x%02x",
             seen->is_server ? "what the client sent" : "the answer",
             (unsigned char)seen->first[0]);
}

void tls_fault_explain(const TlsLibrary *library, const TlsWitness *seen, bool secured, Err *err)
{
    unsigned long code = library->ERR_peek_error();
    int reason = code ? ERR_GET_REASON(code) : 0;
    const char *text = reason_text(reason);
    if (seen->fault)
        fail_errno(err, seen->fault, secured ? "receiving" : "in the TLS handshake");
    else if (!secured && !began_with_tls(seen))
        explain_no_tls(seen, err);
    else if (!secured && seen->ended)
        fail(err, ERR_IO, "the peer closed the connection in the TLS handshake%s",
             seen->is_server ? "" : ": does this port speak TLS?");
    else if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
        explain_verify(library, seen, err);
    else if (text)
        fail(err, ERR_IO, "%s", text);
    else
        fail(err, ERR_IO, "TLS: %s", code ? library->ERR_reason_error_string(code) : "failed");
}
