// An echo server on Boost.Beast that says why it refuses: beast PORT
#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <cstdlib>
#include <thread>

namespace beast = boost::beast;
using tcp = boost::asio::ip::tcp;

static void serve(tcp::socket socket) {
    beast::error_code error;
    beast::websocket::stream<tcp::socket> live{std::move(socket)};
    live.accept(error);  // it answers a refusal itself
    beast::flat_buffer buffer;
    while (!error) {
        buffer.clear();
        live.read(buffer, error);
        if (error) break;
        live.text(live.got_text());
        live.write(buffer.data(), error);
    }
    beast::error_code ignored;
    live.next_layer().shutdown(tcp::socket::shutdown_both, ignored);
}

int main(int, char** argv) {
    boost::asio::io_context context;
    tcp::acceptor acceptor{context, {tcp::v4(), static_cast<unsigned short>(std::atoi(argv[1]))}};
    for (;;) std::thread(serve, acceptor.accept()).detach();
}
