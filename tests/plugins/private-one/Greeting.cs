namespace Sample.Private;

/// <summary>Version 1 of a library that two plugins carry in two versions.</summary>
public static class Greeting
{
    public const int Version = 1;

    public static string Say() => "private 1";
}
