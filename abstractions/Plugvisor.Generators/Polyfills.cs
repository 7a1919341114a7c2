namespace System.Runtime.CompilerServices;

/// <summary>Lets records compile for netstandard2.0, which a compiler plugin must target.</summary>
internal static class IsExternalInit;
