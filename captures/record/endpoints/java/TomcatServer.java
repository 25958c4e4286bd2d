// An echo server on Tomcat: TomcatServer PORT
import jakarta.servlet.ServletContextEvent;
import jakarta.servlet.ServletContextListener;
import jakarta.websocket.OnMessage;
import jakarta.websocket.server.ServerContainer;
import jakarta.websocket.server.ServerEndpointConfig;
import jakarta.websocket.server.ServerEndpoint;
import org.apache.catalina.servlets.DefaultServlet;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.websocket.server.WsSci;

public class TomcatServer {
    @ServerEndpoint("/live/{how}")
    public static class Live {
        @OnMessage
        public String echo(String message) {
            return message;
        }
    }

    public static class Deploy implements ServletContextListener {
        @Override
        public void contextInitialized(ServletContextEvent event) {
            try {
                ((ServerContainer) event.getServletContext()
                        .getAttribute("jakarta.websocket.server.ServerContainer")).addEndpoint(Live.class);
            } catch (Exception error) {
                throw new RuntimeException(error);
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        var tomcat = new Tomcat();
        var base = System.getProperty("java.io.tmpdir") + "/tomcat-" + ProcessHandle.current().pid();
        new java.io.File(base + "/webapps").mkdirs();
        tomcat.setBaseDir(base);
        tomcat.setPort(Integer.parseInt(arguments[0]));
        tomcat.getConnector();
        var context = tomcat.addContext("", base);
        context.addServletContainerInitializer(new WsSci(), null);
        context.addApplicationListener(Deploy.class.getName());
        Tomcat.addServlet(context, "default", new DefaultServlet());
        context.addServletMappingDecoded("/", "default");
        tomcat.start();
        tomcat.getServer().await();
    }
}
