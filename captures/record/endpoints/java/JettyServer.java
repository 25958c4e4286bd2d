// An echo server on Jetty: JettyServer PORT
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.servlet.ServletContextHandler;
import org.eclipse.jetty.servlet.ServletHolder;
import org.eclipse.jetty.websocket.api.Session;
import org.eclipse.jetty.websocket.api.WebSocketAdapter;
import org.eclipse.jetty.websocket.servlet.WebSocketServlet;
import org.eclipse.jetty.websocket.servlet.WebSocketServletFactory;

public class JettyServer {
    public static class Echo extends WebSocketAdapter {
        @Override
        public void onWebSocketText(String message) {
            getRemote().sendStringByFuture(message);
        }
    }

    public static class Live extends WebSocketServlet {
        @Override
        public void configure(WebSocketServletFactory factory) {
            factory.register(Echo.class);
        }
    }

    public static void main(String[] arguments) throws Exception {
        var server = new Server(Integer.parseInt(arguments[0]));
        var context = new ServletContextHandler();
        context.addServlet(new ServletHolder(new Live()), "/live/*");
        server.setHandler(context);
        server.start();
        server.join();
    }
}
