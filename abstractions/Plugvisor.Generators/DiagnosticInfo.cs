using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace Plugvisor.Generators;

/// <summary>A diagnostic as values, so that it can stand in the generator's cache (a Location would keep the compilation alive).</summary>
internal sealed record DiagnosticInfo(string Id, string Message, string? Path, TextSpan Span, LinePositionSpan Lines)
{
    public static DiagnosticInfo At(DiagnosticDescriptor descriptor, ISymbol? symbol, string message)
    {
        foreach (var reference in symbol?.DeclaringSyntaxReferences ?? [])
        {
            // The name, where it can be found: the whole declaration would underline the whole class.
            foreach (var location in symbol!.Locations)
            {
                if (location.SourceTree == reference.SyntaxTree)
                    return new(descriptor.Id, message, reference.SyntaxTree.FilePath, location.SourceSpan, location.GetLineSpan().Span);
            }
        }

        return new(descriptor.Id, message, null, default, default);
    }

    public Diagnostic ToDiagnostic() =>
        Diagnostic.Create(Diagnostics.Find(Id), Path is null ? Location.None : Location.Create(Path, Span, Lines), Message);
}
