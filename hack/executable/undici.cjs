// What `import … from 'undici'` means in the executable: the parts that src/ uses. undici's own index brings fetch, WebSocket, caches
// and mocks: 0.4 MB of script and 2.5 MB of memory. A test compares the names with the imports of src/.
const Agent = require('undici/lib/dispatcher/agent.js');
const Client = require('undici/lib/dispatcher/client.js');
const Dispatcher = require('undici/lib/dispatcher/dispatcher.js');
const Pool = require('undici/lib/dispatcher/pool.js');
const api = require('undici/lib/api/index.js');
const buildConnector = require('undici/lib/core/connect.js');

Object.assign(Dispatcher.prototype, api);

let agent;

/** undici.request with a URL and options; connections are kept for the whole process, as with undici's global dispatcher. */
function request(url, options = {}) {
  const { origin, pathname, search } = new URL(url);
  agent ??= new Agent();
  return agent.request({ method: 'GET', ...options, origin, path: pathname + search });
}

module.exports = { Client, Pool, buildConnector, request };
