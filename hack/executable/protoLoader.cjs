// What grpc-js gets for @grpc/proto-loader in the executable. It asks for it only to serve channelz, which nobody does here.
module.exports = {
  loadSync() {
    throw new Error('@grpc/proto-loader is not in this executable');
  },
};
