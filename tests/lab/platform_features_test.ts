// The same once more in a namespace, where the doctor may be tried, too.
import "../kernel/platform_features_test.ts";
