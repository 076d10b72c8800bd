"""A graph as a sequence of what can be emitted: products, and loops over units between them.

A node's level is the number of products that must be computed before it. At each level the products come first, then
one loop for each width: it computes all of the level's nodes, and stores those that others need.

Products of what is known for all steps, such as the layer's input, are computed for many steps at once, before the
steps ("before"); so are those that only give results, after the steps ("after"). Their tiles have more rows than those
of a single step, so they read the weights less often.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from charlstm.kernels.graph import ONE, Graph, Linear, Node, Term, sources


@dataclass(frozen=True)
class OperandGroup:
    """Nodes side by side that are multiplied with weights, at every step in an array of their own."""

    name: str
    nodes: tuple[Node, ...]
    state: str | None  # of which this is the value before each step

    @property
    def width(self) -> str:
        return self.nodes[0].width


@dataclass
class Loop:
    """A loop over the units of one width, and what it stores."""

    width: str
    level: int
    results: list[tuple[str, Node]] = field(default_factory=list)
    states: list[tuple[str, Node]] = field(default_factory=list)
    sums: list[tuple[str, int, Node]] = field(default_factory=list)  # name, block
    operands: list[tuple[OperandGroup, int, Node]] = field(default_factory=list)  # group, block
    temporaries: list[Node] = field(default_factory=list)


@dataclass
class Schedule:
    """What runs when. Linear maps in `before` and `after` run for many steps at once."""

    graph: Graph
    groups: list[OperandGroup]
    before: list[Linear]
    inside: list[Linear]
    after: list[Linear]
    input_loops: list[Loop]  # that only store operands; before the products of many steps
    loops: list[Loop]  # in the order of their levels
    result_loops: list[Loop]  # after the products of many steps
    level: dict[Node, int]

    def group(self, term: Term) -> OperandGroup:
        """Return the operands of a product."""
        return next(group for group in self.groups if group.nodes == term.operands)

    def terms(self, linear: Linear, *, before: bool) -> list[Term]:
        """Return the products of a linear map that are computed for many steps at once, or step by step."""
        return [term for term in linear.terms if is_input(term) == before]

    @property
    def num_levels(self) -> int:
        levels = [loop.level for loop in self.loops] + [self.linear_level(linear) for linear in self.inside]
        return 1 + max(levels, default=0)

    def linear_level(self, linear: Linear) -> int:
        return self.level[next(node for node in self.level if node.linear is linear)]


def is_input(term: Term) -> bool:
    """Return whether the operands of a product are known before the first step."""
    return all(node.operation == "input" for node in term.operands)


def schedule(graph: Graph) -> Schedule:
    """Return the order in which a graph is computed."""
    nodes = graph.nodes()
    groups = _operand_groups(graph)
    level = _levels(nodes)
    after = _linears_after(graph, nodes)
    steps = [linear for linear in graph.linears() if linear not in after]
    before = [linear for linear in steps if any(map(is_input, linear.terms))]
    inside = [linear for linear in steps if not linear.terms or not all(map(is_input, linear.terms))]
    result = Schedule(graph, groups, before, inside, after, [], [], [], level)
    _assign_stores(result, nodes, {node for node in nodes if node.linear in after})
    return result


def _levels(nodes: Sequence[Node]) -> dict[Node, int]:
    level: dict[Node, int] = {}
    for node in nodes:
        level[node] = max((level[source] for source in sources(node)), default=0)
        if node.linear is not None and not all(map(is_input, node.linear.terms)):
            level[node] += 1
    return level


def _operand_groups(graph: Graph) -> list[OperandGroup]:
    groups: dict[tuple[Node, ...], OperandGroup] = {}
    for linear in graph.linears():
        for term in linear.terms:
            if term.operands not in groups:
                first = term.operands[0]
                is_state = len(term.operands) == 1 and first.operation == "state"
                state = first.name if is_state else None
                groups[term.operands] = OperandGroup(f"operands{len(groups)}", term.operands, state)
    return list(groups.values())


def _linears_after(graph: Graph, nodes: Sequence[Node]) -> list[Linear]:
    """Return the linear maps whose blocks are results, and nothing else."""
    ends = {*graph.states.values(), *(end for ends in graph.sums.values() for end in ends)}
    used = ends.union(*(sources(node) for node in nodes))
    waiting = {node.source for node in nodes if node.operation == "block" and node in used}
    return [linear for linear in graph.linears() if linear.terms and linear not in waiting]


def _assign_stores(plan: Schedule, nodes: Sequence[Node], last: set[Node]) -> None:
    """Decide which loop stores what."""
    loops: dict[tuple[str, int, str], Loop] = {}

    def loop(node: Node, part: str = "step") -> Loop:
        key = part, plan.level[node], node.width
        return loops.setdefault(key, Loop(node.width, plan.level[node]))

    for name, node in plan.graph.results.items():
        loop(node, "after" if node in last else "step").results.append((name, node))
    for name, node in plan.graph.states.items():
        loop(node).states.append((name, node))
    for name, blocks in plan.graph.sums.items():
        for index, node in enumerate(blocks):
            loop(node).sums.append((name, index, node))
    for group in plan.groups:
        before = all(node.operation == "input" for node in group.nodes)
        for index, node in enumerate(group.nodes):
            if group.state is None:
                loop(node, "before" if before else "step").operands.append((group, index, node))
            elif group.state in plan.graph.states:
                new_state = plan.graph.states[group.state]
                loop(new_state).operands.append((group, index, new_state))
    for user in nodes:
        for node in user.arguments:
            is_elsewhere = (plan.level[node], node.width) != (plan.level[user], user.width)
            if is_elsewhere and not node.is_given and node not in loop(node).temporaries:
                loop(node).temporaries.append(node)
    ordered = sorted(loops.items(), key=lambda item: (item[0][1], item[0][2] != ONE))
    plan.input_loops = [entry for (part, _, _), entry in ordered if part == "before"]
    plan.loops = [entry for (part, _, _), entry in ordered if part == "step"]
    plan.result_loops = [entry for (part, _, _), entry in ordered if part == "after"]
