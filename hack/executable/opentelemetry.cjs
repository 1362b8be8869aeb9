// What prom-client gets for @opentelemetry/api in the executable. It asks for it only to mark samples of its default metrics with the span
// that is active; this program collects none of those.
module.exports = {};
