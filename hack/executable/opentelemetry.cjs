// What prom-client gets for @opentelemetry/api in the executable. It asks for it only to mark samples of its default metrics with the span
// that is active; this program collects none of those. Tracing has the real one, which is run only where tracing is configured.
module.exports = {};
