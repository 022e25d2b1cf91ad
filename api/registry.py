"""The method registry: every JSON-RPC method with name, doc, typed parameters, result and example.

A method is a coroutine function. Its name, docstring and annotations are its description: each
parameter after the Context is `Annotated[type, ParameterKind, "doc"]`, optional when it has a
default, and the return annotation is the result. What a method lacks is found when it is
registered, not when it is called.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

from api.admin_ports import AdminPort
from api.costs import cost_of
from api.errors import RpcError, invalid_params
from api.ethereum.gateway import Gateway
from api.jsonrpc import shown
from api.parameters import ParameterKind
from api.ports import NodePort
from api.schema import Schema, schema_of
from api.subscriptions import Subscriptions
from ledger.errors import ensure

REQUIRED: Final = inspect.Parameter.empty


@dataclass(slots=True)
class Context:
    """What a method may use: the node, the methods (for discovery), what the Ethereum methods keep,
    over WebSocket the connection that owns subscriptions, and on the operator's socket the desk."""

    node: NodePort
    registry: "MethodRegistry"
    ethereum: Gateway
    subscriptions: Subscriptions | None = None
    admin: AdminPort | None = None
    """What an operator may do with the node: on its Unix socket alone."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One position of params; `default` is REQUIRED or what the method receives without it."""

    name: str
    doc: str
    kind: ParameterKind
    default: Any

    @property
    def required(self) -> bool:
        """True when a caller has to give it."""
        return self.default is REQUIRED


Single = Callable[..., Awaitable[Any]]
"""(context, *parameters) -> result; raises RpcError."""
Together = Callable[[Context, Sequence[tuple[Any, ...]]], Awaitable[Sequence[Any]]]
"""(context, the parameters of each call) -> a result or an RpcError for each call."""
Beforehand = Callable[[Context, Sequence[tuple[Any, ...]]], Awaitable[None]]
"""(context, the parameters of each call): waits for what the calls ask about."""


@dataclass(frozen=True, slots=True)
class Method:
    """One method. `together`, where there is one, answers all its calls of one batch at once.
    `beforehand`, where there is one, is awaited once for all its calls of one message, before any
    call of it is answered. A call counts as `cost` calls of a client's budget."""

    name: str
    doc: str
    parameters: tuple[Parameter, ...]
    result: Schema
    example: dict[str, Any]  # params by name
    example_result: object
    single: Single
    together: Together | None = None
    beforehand: Beforehand | None = None
    cost: int = 1

    @property
    def summary(self) -> str:
        """First sentence of the doc."""
        return self.doc.split(". ")[0].rstrip(".") + "."

    def bind(self, params: list[object] | dict[str, object] | None) -> tuple[Any, ...]:
        """The parameters in order, or RpcError that names the one at fault."""
        parameters = self.parameters
        if type(params) is list:
            if len(params) > len(parameters):
                raise invalid_params(
                    f"{self.name} takes at most {len(parameters)} parameters"
                    f"{self._names()}, found {len(params)}"
                )
            values = params + [None] * (len(parameters) - len(params))
            return tuple(
                [
                    self._parse(parameter, value)
                    for parameter, value in zip(parameters, values, strict=True)
                ]
            )
        if type(params) is dict:
            known = {parameter.name for parameter in parameters}
            for name in params:
                if name not in known:
                    raise invalid_params(
                        f"unknown parameter {shown(name)}: {self.name} takes"
                        f"{self._names() or ' none'}"
                    )
            return tuple(
                self._parse(parameter, params.get(parameter.name)) for parameter in parameters
            )
        return tuple(self._parse(parameter, None) for parameter in parameters)

    def _names(self) -> str:
        names = ", ".join(parameter.name for parameter in self.parameters)
        return f" ({names})" if names else ""

    def _parse(self, parameter: Parameter, value: object) -> Any:
        if value is None:
            if parameter.default is REQUIRED:
                raise invalid_params(
                    f"missing parameter {parameter.name} of {self.name}: "
                    f"expected {parameter.kind.expected}"
                )
            return parameter.default
        try:
            return parameter.kind.parse(value)
        except ValueError:
            raise invalid_params(
                f"parameter {parameter.name} of {self.name}: "
                f"expected {parameter.kind.expected}, found {shown(value)}"
            ) from None


@dataclass(slots=True, eq=False)
class MethodRegistry:
    """Methods by name; a duplicate or an incomplete description is fatal at start."""

    _methods: dict[str, Method] = field(default_factory=dict)
    document: bytes = b""
    """The encoded OpenRPC document, once somebody has asked for it."""

    def find(self, name: str) -> Method | None:
        """The method called `name`, or None."""
        return self._methods.get(name)

    def __iter__(self) -> Iterator[Method]:
        return iter(self._methods.values())

    def add(self, *methods: Method) -> None:
        """Register complete methods."""
        for method in methods:
            ensure(method.name not in self._methods, f"method {method.name} is registered twice")
            ensure(method.doc, f"method {method.name} has no docstring")
            for parameter in method.parameters:
                ensure(parameter.doc, f"{method.name}: parameter {parameter.name} has no doc")
            names = {parameter.name for parameter in method.parameters}
            required = {parameter.name for parameter in method.parameters if parameter.required}
            ensure(
                required <= method.example.keys() <= names,
                f"method {method.name}: the example must give {required} and only {names}",
            )
            self._methods[method.name] = method


def method(
    namespace: str,
    *,
    example: dict[str, Any],
    result: object,
    beforehand: Beforehand | None = None,
) -> Callable[[Single], Method]:
    """Decorator: the function answers one call of `<namespace>_<camelCaseName>`."""

    def describe(function: Single) -> Method:
        hints = get_type_hints(function, include_extras=True)
        signature = list(inspect.signature(function).parameters.values())[1:]
        return Method(
            name=_wire_name(namespace, function),
            doc=_doc(function),
            parameters=tuple(
                _parameter(item.name, hints[item.name], item.default) for item in signature
            ),
            result=schema_of(hints["return"]),
            example=example,
            example_result=result,
            single=function,
            beforehand=beforehand,
            cost=cost_of(_wire_name(namespace, function)),
        )

    return describe


def method_together(
    namespace: str, calls: Any, returns: Any, *, example: dict[str, Any], result: object
) -> Callable[[Together], Method]:
    """Decorator: the function answers all calls of this method in one batch at once.

    `calls` is a NamedTuple whose fields are annotated like parameters; `returns` is the type of
    one result.
    """

    def describe(function: Together) -> Method:
        hints = get_type_hints(calls, include_extras=True)
        defaults: dict[str, Any] = calls._field_defaults

        async def single(context: Context, *parameters: Any) -> Any:
            (outcome,) = await function(context, [parameters])
            if isinstance(outcome, RpcError):
                raise outcome
            return outcome

        return Method(
            name=_wire_name(namespace, function),
            doc=_doc(function),
            parameters=tuple(
                _parameter(name, hint, defaults.get(name, REQUIRED)) for name, hint in hints.items()
            ),
            result=schema_of(returns),
            example=example,
            example_result=result,
            single=single,
            together=function,
            cost=cost_of(_wire_name(namespace, function)),
        )

    return describe


def _wire_name(namespace: str, function: Callable[..., Any]) -> str:
    first, *rest = function.__name__.split("_")
    separator = "." if namespace == "rpc" else "_"
    return namespace + separator + first + "".join(word.capitalize() for word in rest)


def _doc(function: Callable[..., Any]) -> str:
    return inspect.cleandoc(function.__doc__ or "").replace("\n", " ")


def _parameter(name: str, hint: Any, default: Any) -> Parameter:
    ensure(get_origin(hint) is Annotated, f"parameter {name} has no kind")
    kind, doc = get_args(hint)[1:]
    return Parameter(name, doc, kind, default)
