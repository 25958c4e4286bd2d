"""A Django Channels application: an echo on /live, /private, which refuses, and nothing else."""

import django
from django.conf import settings

settings.configure(ALLOWED_HOSTS=["*"], SECRET_KEY="recorded", ROOT_URLCONF=__name__)
django.setup()
urlpatterns = []  # no pages

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.urls import path  # noqa: E402


class Live(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data=text_data, bytes_data=bytes_data)


class Private(AsyncWebsocketConsumer):
    async def connect(self):
        await self.close()


app = ProtocolTypeRouter({
    "http": get_asgi_application(),
    "websocket": URLRouter([path("live", Live.as_asgi()), path("private", Private.as_asgi())]),
})
