/* semconv.h - the names of OpenTelemetry's semantic conventions that cryostorm itself uses. */
#ifndef MODEL_SEMCONV_H
#define MODEL_SEMCONV_H

#define ATTR_SERVICE_NAME           "service.name"
#define ATTR_SERVICE_NAMESPACE      "service.namespace"
#define ATTR_SERVICE_VERSION        "service.version"
#define ATTR_SERVICE_INSTANCE_ID    "service.instance.id"
#define ATTR_DEPLOYMENT_ENVIRONMENT "deployment.environment.name"
#define ATTR_SDK_NAME               "telemetry.sdk.name"
#define ATTR_SDK_LANGUAGE           "telemetry.sdk.language"
#define ATTR_SDK_VERSION            "telemetry.sdk.version"
#define ATTR_HOST_NAME              "host.name"
#define ATTR_HOST_ARCH              "host.arch"
#define ATTR_OS_TYPE                "os.type"
#define ATTR_PROCESS_PID            "process.pid"
#define ATTR_PROCESS_EXECUTABLE     "process.executable.name"
#define ATTR_PROCESS_COMMAND        "process.command"
#define ATTR_EXCEPTION_TYPE         "exception.type"
#define ATTR_EXCEPTION_MESSAGE      "exception.message"
#define ATTR_EXCEPTION_STACKTRACE   "exception.stacktrace"
#define ATTR_ERROR_TYPE             "error.type"
#define ATTR_CODE_FUNCTION          "code.function.name"
#define ATTR_CODE_FILE              "code.file.path"
#define ATTR_CODE_LINE              "code.line.number"
#define ATTR_HTTP_METHOD            "http.request.method"
#define ATTR_HTTP_STATUS            "http.response.status_code"
#define ATTR_HTTP_ROUTE             "http.route"
#define ATTR_URL_PATH               "url.path"

#define EVENT_EXCEPTION             "exception"
#define SERVICE_UNKNOWN             "unknown_service" /* what service.name is when nobody said */

#endif
