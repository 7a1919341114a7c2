using Plugvisor.Api;
using Plugvisor.Rest.Http;

namespace Plugvisor.Rest.Routing;

/// <summary>One path, and how requests to it must look (interface reference section 1.2). Immutable.</summary>
internal sealed class Route
{
    private Route(RouteKind kind, ApiOperation? operation, bool answersOtherMethods)
    {
        Kind = kind;
        Operation = operation;
        AnswersOtherMethods = answersOtherMethods;
    }

    /// <summary>The stream of events.</summary>
    public static Route Events { get; } = new(RouteKind.Events, null, answersOtherMethods: true);

    /// <summary>The description of the API.</summary>
    public static Route Description { get; } = new(RouteKind.Description, null, answersOtherMethods: true);

    /// <summary>What it leads to.</summary>
    public RouteKind Kind { get; }

    /// <summary>The operation, for <see cref="RouteKind.Operation"/>.</summary>
    public ApiOperation? Operation { get; }

    /// <summary>The method that is right.</summary>
    public HttpVerb Verb => Operation is { Verb: ApiVerb.Put } ? HttpVerb.Put : HttpVerb.Get;

    /// <summary>Whether PATCH and DELETE get an error text. Where they do not, the answer is 400 without one.</summary>
    public bool AnswersOtherMethods { get; }

    /// <summary>Whether a missing body gets 400 without an error text.</summary>
    public bool IsSilentWithoutBody => Operation?.Name == "vm.create";

    /// <summary>The way to an operation.</summary>
    public static Route To(ApiOperation operation) =>
        new(RouteKind.Operation, operation, operation.Name is "vm.create" or "vm.info" or "vmm.ping" or "vmm.shutdown");
}
