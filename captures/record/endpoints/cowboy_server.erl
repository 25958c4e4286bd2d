%% An echo server on cowboy: erl -noshell -run cowboy_server main PORT
-module(cowboy_server).
-export([main/1, init/2, websocket_handle/2, websocket_info/2]).

main([Port]) ->
    {ok, _} = application:ensure_all_started(cowboy),
    Routes = cowboy_router:compile([{'_', [{"/[...]", ?MODULE, []}]}]),
    {ok, _} = cowboy:start_clear(
        live, [{port, list_to_integer(Port)}], #{env => #{dispatch => Routes}}).

init(Request, State) -> {cowboy_websocket, Request, State}.

websocket_handle({text, Text}, State) -> {[{text, Text}], State};
websocket_handle(_, State) -> {[], State}.

websocket_info(_, State) -> {[], State}.
